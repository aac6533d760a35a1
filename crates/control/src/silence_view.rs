//! Silences as they are made and shown. In: nothing. Out: the values.

use domain::silence::{Silence, SilenceMatch};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A silence that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSilence {
    /// Which events.
    #[serde(flatten)]
    pub of: SilenceMatch,
    /// From when on; now without it.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}

/// A silence and its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceView {
    /// What names it.
    pub id: String,
    /// What it says.
    #[serde(flatten)]
    pub silence: Silence,
}
