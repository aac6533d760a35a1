//! Where a run stands. In: nothing. Out: the phases, with their names.
//!
//! Never: decides when a phase changes; `run` does.

use serde::{Deserialize, Serialize};

/// Where a run stands. All but `active` are ends, of which `acknowledged` may still become `resolved`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// A step is under way.
    Active,
    /// Somebody took it on.
    Acknowledged,
    /// The text arrived, and nothing more was asked for.
    Completed,
    /// A resolving event ended it.
    Resolved,
    /// The steps are used up.
    Exhausted,
    /// Rules forbade every text.
    Suppressed,
    /// The event was of no use any more.
    Expired,
    /// An operator ended it.
    Cancelled,
}

impl RunPhase {
    /// All phases.
    pub const ALL: [Self; 8] = [
        Self::Active,
        Self::Acknowledged,
        Self::Completed,
        Self::Resolved,
        Self::Exhausted,
        Self::Suppressed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// The phase's name in lists, logs and outcomes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Acknowledged => "acknowledged",
            Self::Completed => "completed",
            Self::Resolved => "resolved",
            Self::Exhausted => "exhausted",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}
