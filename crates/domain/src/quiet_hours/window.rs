//! One window of quiet hours. In: its days and times, a zone and an instant. Out: whether it holds, and when it ends.
//!
//! Never: loses a part of it to a clock change: it lasts from the first time that its start comes to the last time that its end
//! does.

use std::fmt;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};

use crate::weekday::DayOfWeek;

/// Days that are looked back for a window that still holds: one for those that end on the next day, and two for a day that a
/// zone left out when it moved to the other side of the date line.
const DAYS_BACK: i32 = 3;

/// A window of local time in which texts wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietWindow {
    /// When it begins, local time.
    pub start: Time,
    /// When it ends, local time; on the next day where that is not after `start`, so that a day is from midnight to midnight.
    pub end: Time,
    /// The days on which it begins, each once; all of them when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<DayOfWeek>,
    /// The dates on which it begins, and on no other day; it is not tied to dates when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<Date>,
    /// The calendar that it is from; absent for one of the workflow's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

impl QuietWindow {
    /// When it ends that holds at `now`; `None` where it does not hold.
    pub(super) fn ends(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(zone.clone()).date();
        let days = (0..=DAYS_BACK).filter_map(|days| today.checked_sub(days.days()).ok());
        days.filter(|day| self.begins_on(*day)).find_map(|day| {
            let last = if self.start < self.end { day } else { day.tomorrow().ok()? };
            let (start, end) =
                (first(zone, day.to_datetime(self.start))?, last_time(zone, last.to_datetime(self.end))?);
            (start <= now && now < end).then_some(end)
        })
    }

    fn begins_on(&self, day: Date) -> bool {
        let is_date = self.dates.is_empty() || self.dates.contains(&day);
        is_date && (self.days.is_empty() || self.days.contains(&DayOfWeek::of(day)))
    }
}

/// The first instant at which the local clock shows this time or, where it is skipped, a later one.
fn first(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    let at = zone.to_ambiguous_zoned(time);
    let is_skipped = matches!(at.offset(), AmbiguousOffset::Gap { .. });
    let at = at.compatible().ok()?.timestamp();
    if !is_skipped {
        return Some(at);
    }
    // The clock moved then, or just before.
    let moved = zone.preceding(at.checked_add(1.nanosecond()).ok()?).next();
    Some(moved.map_or(at, |transition| transition.timestamp()))
}

/// The last instant at which it shows this time; one that is skipped moves forward with the clock.
fn last_time(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    Some(zone.to_ambiguous_zoned(time).later().ok()?.timestamp())
}

impl fmt::Display for QuietWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(calendar) = &self.calendar {
            write!(f, "{calendar} ")?;
        }
        if !self.days.is_empty() {
            let days: Vec<_> = self.days.iter().map(|day| day.as_str()).collect();
            write!(f, "{} ", days.join(","))?;
        }
        let minute =
            |time: Time| time.strftime(if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" }).to_string();
        let end = if self.end == Time::midnight() { "24:00".to_owned() } else { minute(self.end) };
        write!(f, "{}-{end}", minute(self.start))
    }
}
