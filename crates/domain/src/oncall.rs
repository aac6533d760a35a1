//! Who is on call. In: rotations, overrides and the time. Out: a person and why, shifts, and overrides that swap two of them.
//!
//! Never: two answers for one moment: the override that was made last counts, then the one rotation that holds.

mod hours;
mod rotation;
mod shifts;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use hours::OnCallHours;
pub use rotation::{Rotation, TurnLength};
pub use shifts::{Shift, SwapFault, shifts, swap};

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

/// Who is on call, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnCall<'a> {
    /// The contact's name.
    pub contact: &'a str,
    /// The override that says so; absent where a rotation does.
    pub held: Option<&'a Override>,
}

/// Who is on call in a layer.
pub fn on_call<'a>(
    layer: LayerName<'_>,
    rotations: &'a [Rotation],
    overrides: &'a [Override],
    now: Timestamp,
) -> Option<OnCall<'a>> {
    let held = overrides.iter().rfind(|held| held.holds(layer, now));
    if let Some(held) = held {
        return Some(OnCall { contact: &held.contact, held: Some(held) });
    }
    let contact = rotations.iter().find_map(|rotation| rotation.on_call(now))?;
    Some(OnCall { contact, held: None })
}
