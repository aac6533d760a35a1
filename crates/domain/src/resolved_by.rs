//! What resolved the subject of a run, as it is stored with the run. In: nothing. Out: the value.
//!
//! Never: holds the fields of the event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::EventKey;

/// What resolved the subject of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedBy {
    /// The event.
    pub event: EventKey,
    /// When it took effect.
    pub at: Timestamp,
}
