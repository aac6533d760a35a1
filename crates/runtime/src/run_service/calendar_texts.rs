//! Texts of calendars, and what they mean. In: texts and contacts. Out: shifts, and what gives nobody one.
//!
//! Never: reads a text where it is kept.

use std::{collections::BTreeMap, sync::Arc};

use calendars::Span;
use domain::{
    calendar_people::assign,
    directory::{Calendar, Contact},
    oncall::{CalendarShifts, calendar::NotTaken},
    quiet_hours::zone,
};
use jiff::Timestamp;

/// Texts of copies as this process read them last.
#[derive(Default)]
pub(super) struct CalendarTexts {
    pub(super) by_layer: BTreeMap<(String, String), Copy>,
    /// Which slice of time the shifts are of.
    pub(super) slice: i64,
}

/// One of them.
pub(super) struct Copy {
    pub(super) digest: String,
    pub(super) text: Arc<str>,
}

/// What a text means for these contacts.
#[derive(Debug, Default)]
pub struct Meant {
    /// The shifts.
    pub shifts: CalendarShifts,
    /// Events that give nobody one.
    pub not_taken: Vec<NotTaken>,
    /// Parts that were passed over.
    pub passed_over: Vec<String>,
}

/// Reads the text of a calendar.
///
/// # Errors
/// When it is no calendar.
pub fn meant(
    text: &str,
    calendar: &Calendar,
    contacts: &BTreeMap<String, Contact>,
    now: Timestamp,
) -> Result<Meant, String> {
    let zone =
        zone(&calendar.time_zone).ok_or_else(|| format!("unknown time zone {}", calendar.time_zone))?;
    let read = calendars::read(text, &zone, Span::around(now)).map_err(|error| error.to_string())?;
    let (shifts, not_taken) = assign(&read.occurrences, contacts);
    Ok(Meant { shifts, not_taken, passed_over: read.passed_over })
}
