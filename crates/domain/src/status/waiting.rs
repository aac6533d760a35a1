//! How much waits. In: nothing. Out: the value.
//!
//! Never: says whether that is too much; findings do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much waits, and since when the oldest of it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// How much.
    pub count: u64,
    /// Since when the oldest does, where that is known.
    pub since: Option<Timestamp>,
}
