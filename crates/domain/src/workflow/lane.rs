//! Lanes: queues of their own by urgency. In: nothing. Out: the lanes, with their names.
//!
//! Never: decides which lane a run works in; `lane_placement` does.

use serde::{Deserialize, Serialize};

/// Which queue work waits in. Lanes are separate queues, never message priorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Pages. Never waits behind the others.
    Critical,
    /// What a person expects soon.
    #[default]
    Standard,
    /// Everything that can wait.
    Bulk,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Standard, Self::Bulk];

    /// The lane below; the lowest is below itself.
    pub fn below(self) -> Self {
        match self {
            Self::Critical => Self::Standard,
            Self::Standard | Self::Bulk => Self::Bulk,
        }
    }

    /// The lane's name in queues, logs and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Standard => "standard",
            Self::Bulk => "bulk",
        }
    }
}
