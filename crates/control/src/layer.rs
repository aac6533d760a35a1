//! Layers of on-call schedules as they are asked for, changed and shown. In: nothing. Out: the values.

use domain::oncall::{Override, Shift, calendar::Clash, copy::CalendarState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which layers are meant; all of them without conditions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerQuery {
    /// Of this schedule.
    pub schedule: Option<String>,
    /// With this name.
    pub layer: Option<String>,
}

/// One layer of a schedule, and who has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerView {
    /// The schedule.
    pub schedule: String,
    /// The layer.
    pub layer: String,
    /// The zone of its first rotation, in which people read its times.
    pub time_zone: String,
    /// Its shifts within the span that was asked for.
    pub shifts: Vec<Shift>,
    /// The overrides of it that have not ended.
    pub overrides: Vec<OverrideView>,
    /// What is known of its calendar, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarState>,
    /// Events of its calendar that put several people on call at once, within the span.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clashes: Vec<Clash>,
}

/// An override and its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideView {
    /// What names it.
    pub id: String,
    /// What it says.
    #[serde(flatten)]
    pub held: Override,
}

/// What is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOverride {
    /// The schedule.
    pub schedule: String,
    /// Its layer.
    pub layer: String,
    /// Who takes over.
    pub contact: String,
    /// From when on; now without it.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}

/// Whose shifts are to be swapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftSwap {
    /// The schedule.
    pub schedule: String,
    /// Its layer.
    pub layer: String,
    /// Two contacts.
    pub contacts: [String; 2],
    /// Their next shifts after this time; after now without it.
    pub after: Option<Timestamp>,
    /// Why.
    pub why: String,
}
