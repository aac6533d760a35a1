//! Quiet hours in the recipient's own time zone.
//!
//! In: windows of local time, zones and an instant. Out: whether it is quiet, by which window, and when that ends.
//! Never: uses the server's zone. Daylight-saving changes are resolved by the zone's rules.

mod place;
mod stored;
mod window;

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use place::{Place, ZoneSource};
pub use window::QuietWindow;

use crate::{field_path::text_at, limits::QUIET_SEARCH_S, time::after_s};

/// When texts of a workflow wait, and what becomes of those that would wait for too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "stored::StoredQuietHours", into = "stored::StoredQuietHours")]
pub struct QuietHours {
    /// The windows in which texts wait. It is quiet while any of them holds.
    pub windows: Vec<QuietWindow>,
    /// More windows, by what a field of the event says.
    pub by_field: Option<WindowsByField>,
    /// The zone used when a recipient's is not known; absent where such a text is refused.
    pub time_zone: Option<String>,
    /// Texts of this workflow are urgent: they go out all the same, and the decision says so.
    pub urgent: bool,
    /// How long a text waits at most, in seconds; until its event is of no use where absent.
    pub defer_at_most_s: Option<u32>,
    /// What becomes of one that would wait longer.
    pub then: AfterWait,
}

/// Windows that hold for events of which a field names their calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsByField {
    /// The field, dots between names.
    pub field: String,
    /// The windows of each calendar.
    pub calendars: BTreeMap<String, Vec<QuietWindow>>,
}

/// What becomes of a text that would wait for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterWait {
    /// It is withheld. A run that has no other text ends by that.
    #[default]
    Drop,
    /// It is withheld, and the run goes on to its next step.
    Escalate,
    /// It waits all the same. What waited for one recipient is told of in one text.
    Digest,
}

/// That it is quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet<'a> {
    /// When it is not any more. At the end of the search it may be quiet still, and is asked again.
    pub until: Timestamp,
    /// A window that holds.
    pub window: &'a QuietWindow,
    /// The zone in which it does.
    pub zone: &'a TimeZone,
}

impl QuietHours {
    /// One window, the same every day.
    pub fn daily(start: Time, end: Time, time_zone: &str) -> Self {
        let window = QuietWindow { start, end, days: Vec::new(), dates: Vec::new(), calendar: None };
        Self {
            windows: vec![window],
            by_field: None,
            time_zone: Some(time_zone.to_owned()),
            urgent: false,
            defer_at_most_s: None,
            then: AfterWait::default(),
        }
    }

    /// Whether it is quiet at `now` in any of these zones, for an event with this data; `None` where it is not.
    ///
    /// What ends in the middle of another window goes on to that one's end. Nothing is looked for beyond
    /// [`QUIET_SEARCH_S`], by which every event is of no use.
    pub fn quiet<'a>(
        &'a self,
        zones: &'a [TimeZone],
        data: &Map<String, Value>,
        now: Timestamp,
    ) -> Option<Quiet<'a>> {
        let calendar = self.by_field.as_ref().and_then(|by| by.calendars.get(text_at(data, &by.field)?));
        quiet_by(&self.windows, calendar.map_or(&[], Vec::as_slice), zones, now)
    }

    /// Whether there is no time of the week at which a text may go out.
    pub fn are_endless(&self) -> bool {
        let (zones, any_monday) = ([TimeZone::UTC], MONDAY);
        let last = after_s(any_monday, QUIET_SEARCH_S);
        let is_endless = |windows: &[QuietWindow]| {
            quiet_by(&self.windows, windows, &zones, any_monday).is_some_and(|quiet| quiet.until >= last)
        };
        is_endless(&[])
            || self.by_field.iter().flat_map(|by| by.calendars.values()).any(|windows| is_endless(windows))
    }
}

/// Monday, 2001-01-01, at midnight: far from every date that a calendar names.
const MONDAY: Timestamp = Timestamp::constant(978_307_200, 0);

fn quiet_by<'a>(
    windows: &'a [QuietWindow],
    more: &'a [QuietWindow],
    zones: &'a [TimeZone],
    now: Timestamp,
) -> Option<Quiet<'a>> {
    let holding = |at: Timestamp| {
        let pairs =
            zones.iter().flat_map(|zone| windows.iter().chain(more).map(move |window| (zone, window)));
        let holding =
            pairs.filter_map(|(zone, window)| Some(Quiet { until: window.ends(zone, at)?, window, zone }));
        holding.max_by_key(|quiet| quiet.until)
    };
    let mut quiet = holding(now)?;
    let last = after_s(now, QUIET_SEARCH_S);
    while let Some(next) = holding(quiet.until).filter(|_| quiet.until < last) {
        quiet.until = next.until;
    }
    Some(quiet)
}

/// The zone with this IANA name, from the tables built into the program.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests;
