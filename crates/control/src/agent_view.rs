//! Agents as they are shown. In: nothing. Out: the values.

use domain::agent_stop::AgentStop;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The agents there are, and those that are stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsView {
    /// Each label of a token of an agent.
    pub agents: Vec<AgentView>,
    /// The stops, that of all agents first.
    pub stops: Vec<AgentStop>,
}

/// One agent: the tokens of one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    /// The label of its tokens.
    pub label: String,
    /// Its tokens that are in force.
    pub tokens: Vec<String>,
    /// What they allow.
    pub grants: Vec<String>,
    /// When one was used last, as far as the process that answers knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Whether it is stopped.
    pub stopped: bool,
    /// How many of its approvals wait.
    pub pending: usize,
}
