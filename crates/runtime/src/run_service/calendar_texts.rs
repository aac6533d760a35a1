//! Texts of calendars, and what they mean. In: texts and contacts. Out: shifts, and what gives nobody one.
//!
//! Never: reads a text where it is kept.

use std::{collections::BTreeMap, sync::Arc};

use calendars::Span;
use domain::{
    calendar_people::assign,
    directory::{Calendar, Contact, Directory},
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
    meant_in(text, calendar, contacts, Span::around(now), now)
}

/// The same for a span of time of one's own.
///
/// # Errors
/// When it is no calendar, or has too many shifts within the span.
pub fn meant_between(
    text: &str,
    calendar: &Calendar,
    contacts: &BTreeMap<String, Contact>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Meant, String> {
    meant_in(text, calendar, contacts, Span { from, until }, from)
}

fn meant_in(
    text: &str,
    calendar: &Calendar,
    contacts: &BTreeMap<String, Contact>,
    span: Span,
    now: Timestamp,
) -> Result<Meant, String> {
    let zone =
        zone(&calendar.time_zone).ok_or_else(|| format!("unknown time zone {}", calendar.time_zone))?;
    let read = calendars::read(text, &zone, span).map_err(|error| error.to_string())?;
    let (shifts, not_taken) = assign(&read.occurrences, contacts, now);
    Ok(Meant { shifts, not_taken, passed_over: read.passed_over })
}

/// The same, where it holds nobody up: a calendar may take a second or two.
///
/// # Errors
/// When it is no calendar.
pub(crate) async fn meant_aside(
    text: Arc<str>,
    calendar: &Calendar,
    directory: &Arc<Directory>,
    now: Timestamp,
) -> Result<Meant, String> {
    let (calendar, directory) = (calendar.clone(), Arc::clone(directory));
    aside(move || meant(&text, &calendar, &directory.contacts, now)).await
}

/// Runs work that takes long on a thread of its own. A panic of it goes on here.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // It was not begun, for the process ends.
            Err(_) => std::future::pending().await,
        },
    }
}
