//! What an audit of verdicts found. In: nothing. Out: the values.

use domain::policy::Decision;
use jiff::Timestamp;
use ports::store::Unreadable;
use serde::{Deserialize, Serialize};

/// What became of verdicts that the rules were asked for again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionAudit {
    /// Runs that were looked at.
    pub runs: u64,
    /// Verdicts that are the same, byte for byte.
    pub same: u64,
    /// Verdicts of limits, whose state is not kept.
    pub limits: u64,
    /// Verdicts of other versions of the rules.
    pub other_versions: u64,
    /// Verdicts of which the event's fields, the text's number or the workflow's definition are gone.
    pub without_facts: u64,
    /// Those that are not the same.
    pub different: Vec<DifferentDecision>,
    /// Runs that cannot be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

/// A verdict that the rules do not repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferentDecision {
    /// Its message.
    pub message: String,
    /// When it was decided.
    pub at: Timestamp,
    /// As it is stored.
    pub stored: Decision,
    /// As the rules decide now.
    pub now: Decision,
}

impl DecisionAudit {
    /// Adds another page.
    pub fn extend(&mut self, page: Self) {
        self.runs += page.runs;
        self.same += page.same;
        self.limits += page.limits;
        self.other_versions += page.other_versions;
        self.without_facts += page.without_facts;
        self.different.extend(page.different);
        self.unreadable.extend(page.unreadable);
    }
}
