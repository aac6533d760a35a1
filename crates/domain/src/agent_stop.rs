//! Agents that are stopped. In: labels. Out: whether one of them is stopped, and by whom.
//!
//! Never: ends by itself: whoever stops an agent lets it go on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An agent, or all of them, is stopped: whatever it asks for is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStop {
    /// The label of its tokens; absent for all agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who stopped it.
    pub by: String,
    /// Why; empty where they did not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl AgentStop {
    /// Whether it stops the agent with this label.
    pub fn stops(&self, label: &str) -> bool {
        self.label.as_deref().is_none_or(|stopped| stopped == label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_or_all_of_them_are_stopped() {
        let stop = |label: Option<&str>| AgentStop {
            label: label.map(str::to_owned),
            by: "ada".into(),
            why: String::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        assert!(stop(None).stops("helper") && stop(Some("helper")).stops("helper"));
        assert!(!stop(Some("helper")).stops("other"));
    }
}
