//! Calendars as tools export them. In: texts. Out: shifts, and what was passed over.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod bad;
mod exports;
mod recurrences;
mod rotations;

use calendars::{Read, Span, Unreadable};
use jiff::{Timestamp, tz::TimeZone};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What a calendar says in 2026, with its days in Berlin.
fn read(text: &str) -> Result<Read, Unreadable> {
    let span = Span { from: at("2026-01-01T00:00:00Z"), until: at("2027-01-01T00:00:00Z") };
    calendars::read(text, &TimeZone::get("Europe/Berlin").unwrap(), span)
}

/// Its occurrences, as `from until summary`.
#[track_caller]
fn shown(text: &str) -> Vec<String> {
    let read = read(text).unwrap();
    assert_eq!(read.passed_over, [""; 0]);
    read.occurrences.iter().map(|of| format!("{} {} {}", of.from, of.until, of.summary)).collect()
}

/// A calendar of these lines.
fn calendar(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{}\nEND:VCALENDAR\n", lines.trim())
}

/// A calendar of one event with these lines.
fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\nUID:1\nSUMMARY:Ada\n{}\nEND:VEVENT", lines.trim()))
}
