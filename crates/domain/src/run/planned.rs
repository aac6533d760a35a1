//! What a run keeps of its next step. In: nothing. Out: the types, as they are stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A step that begins next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The step, from 0.
    pub step: u8,
    /// The round of the steps that it is a part of, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u8,
    /// Which start of a step it is, from 0.
    pub start: u16,
    /// When it begins.
    pub at: Timestamp,
    /// The end of the silence that it waits for, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_until: Option<Timestamp>,
}

/// An acknowledgement that holds for some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckHold {
    /// The step that was acknowledged, from 0: it begins again.
    pub step: u8,
    /// Until when it holds.
    pub until: Timestamp,
}

fn is_zero(round: &u8) -> bool {
    *round == 0
}
