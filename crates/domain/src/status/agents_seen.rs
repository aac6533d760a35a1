//! What agents wait for, and which of them are stopped. In: nothing. Out: the value.
//!
//! Never: says what an agent asks for.

use serde::{Deserialize, Serialize};

use super::Waiting;
use crate::agent_stop::AgentStop;

/// What concerns agents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsSeen {
    /// Approvals that nobody has decided on.
    pub asked: Waiting,
    /// How many of them were asked for by a text that reached none of their approvers.
    pub unreached: u64,
    /// Agents that are stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<AgentStop>,
}
