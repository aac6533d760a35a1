//! Who is on call. In: calendars, rotations, overrides and the time. Out: a person and why, shifts, and overrides that swap
//! two of them.
//!
//! Never: two answers for one moment: the override that was made last counts, then the shift of the calendar, then the one
//! rotation that holds.

pub mod calendar;
pub mod copy;
mod hours;
mod rotation;
mod shifts;
mod turns;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use calendar::CalendarShifts;
pub use hours::OnCallHours;
pub use rotation::{Rotation, TurnLength};
pub use shifts::{Shift, SwapFault, shifts, swap};
pub use turns::{Turn, turns};

use crate::id::short;

/// Somebody takes over for a while, whatever the rotation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Which schedule.
    pub schedule: String,
    /// Which layer of it.
    pub layer: String,
    /// Contact name.
    pub contact: String,
    /// The first instant of the override.
    pub from: Timestamp,
    /// The first instant after the override.
    pub until: Timestamp,
    /// Who made it; absent in those of the first versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why, in the words of who made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// When it was made; absent in those of the first versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
}

impl Override {
    /// What names it: derived from what it says.
    pub fn id(&self) -> String {
        let made_at = self.made_at.map(|at| at.to_string()).unwrap_or_default();
        let (from, until) = (self.from.to_string(), self.until.to_string());
        let parts =
            [&self.schedule, &self.layer, &self.contact, &from, &until, &self.by, &self.why, &made_at];
        short(&parts.map(String::as_str))[..ID_CHARS].to_owned()
    }

    fn holds(&self, layer: LayerName<'_>, now: Timestamp) -> bool {
        self.is_of(layer) && self.from <= now && now < self.until
    }

    fn is_of(&self, layer: LayerName<'_>) -> bool {
        self.schedule == layer.schedule && self.layer == layer.layer
    }
}

/// Characters of an override's id.
const ID_CHARS: usize = 10;

/// One layer of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerName<'a> {
    /// The schedule.
    pub schedule: &'a str,
    /// Its layer.
    pub layer: &'a str,
}

/// What says who is on call in a layer, beside overrides.
#[derive(Debug, Clone, Copy, Default)]
pub struct LayerPlan<'a> {
    /// The shifts of its calendar, if it has one and it was read.
    pub calendar: Option<&'a CalendarShifts>,
    /// Its rotations, where the calendar has nobody.
    pub rotations: &'a [Rotation],
}

impl<'a> LayerPlan<'a> {
    /// A layer of rotations alone.
    pub fn of(rotations: &'a [Rotation]) -> Self {
        Self { calendar: None, rotations }
    }
}

/// Who is on call, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnCall<'a> {
    /// The contact's name.
    pub contact: &'a str,
    /// The override that says so; absent where a calendar or a rotation does.
    pub held: Option<&'a Override>,
    /// Whether a calendar says so.
    pub by_calendar: bool,
}

/// Who is on call in a layer.
pub fn on_call<'a>(
    layer: LayerName<'_>,
    plan: LayerPlan<'a>,
    overrides: &'a [Override],
    now: Timestamp,
) -> Option<OnCall<'a>> {
    let held = overrides.iter().rfind(|held| held.holds(layer, now));
    if let Some(held) = held {
        return Some(OnCall { contact: &held.contact, held: Some(held), by_calendar: false });
    }
    if let Some(shift) = plan.calendar.and_then(|calendar| calendar.at(now)) {
        return Some(OnCall { contact: &shift.contact, held: None, by_calendar: true });
    }
    let contact = plan.rotations.iter().find_map(|rotation| rotation.on_call(now))?;
    Some(OnCall { contact, held: None, by_calendar: false })
}
