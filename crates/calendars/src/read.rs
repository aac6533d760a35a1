//! What is asked of a calendar, and what it says. In: nothing. Out: the values.

use domain::{
    limits::{CALENDAR_BYTES_MAX, CALENDAR_DAYS_AHEAD, CALENDAR_DAYS_BACK, CALENDAR_SHIFTS_MAX},
    oncall::calendar::Occurrence,
};
use jiff::{SignedDuration, Timestamp};

/// Events whose rule never recurs, in one calendar. To find out takes a while for each.
pub(crate) const VAIN_MAX: usize = 20;
/// Recurrences that are followed in one calendar, also those before its span: about two seconds of work.
pub(crate) const WORK_MAX: usize = 500_000;

/// The time that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

impl Span {
    /// From a month ago to a year ahead.
    pub fn around(now: Timestamp) -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self {
            from: now.checked_sub(days(CALENDAR_DAYS_BACK)).unwrap_or(Timestamp::MIN),
            until: now.checked_add(days(CALENDAR_DAYS_AHEAD)).unwrap_or(Timestamp::MAX),
        }
    }
}

/// What a calendar says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// When its events take place within the span, by when they begin.
    pub occurrences: Vec<Occurrence>,
    /// What was passed over, and why: in the order of the text, each once.
    pub passed_over: Vec<String>,
}

/// Why a text is no calendar that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is longer than is taken.
    #[error("it is larger than {CALENDAR_BYTES_MAX} bytes")]
    TooLong,
    /// It is a page for people.
    #[error("it is HTML, not iCalendar: copy the address of the feed, which ends in .ics for most calendars")]
    Html,
    /// It is something else.
    #[error("it is not iCalendar: it does not begin with BEGIN:VCALENDAR")]
    NotACalendar,
    /// It was cut off, or its parts do not fit together.
    #[error("line {line}: {what}")]
    Structure {
        /// From 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// It has more than is taken.
    #[error(
        "it has more than {CALENDAR_SHIFTS_MAX} shifts from {CALENDAR_DAYS_BACK} days back to {CALENDAR_DAYS_AHEAD} days ahead"
    )]
    TooMany,
    /// It keeps its reader busy for nothing.
    #[error("it has more than {VAIN_MAX} events whose rule never recurs")]
    Vain,
    /// It keeps its reader busy for long.
    #[error(
        "its rules have more than {WORK_MAX} recurrences until {CALENDAR_DAYS_AHEAD} days ahead: begin them later"
    )]
    Work,
}

impl Read {
    /// Notes something that was passed over.
    pub(crate) fn pass_over(&mut self, what: String) {
        if !self.passed_over.contains(&what) {
            self.passed_over.push(what);
        }
    }
}
