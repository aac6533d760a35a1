//! iCalendar (RFC 5545), read. In: a text, a time zone, a span of time. Out: when its events take place, and what was passed
//! over.
//!
//! Never: asks for the time, follows a link of a calendar, or passes a part over without a word.

mod event;
mod expand;
mod read;
mod structure;
mod value;
mod zones;

use domain::limits::CALENDAR_BYTES_MAX;
use jiff::tz::TimeZone;

use expand::Work;
use structure::Prepared;

pub use read::{Read, Span, Unreadable};

/// Reads a calendar. `zone` is that of its days, and of times that name none.
///
/// # Errors
/// When the text is no calendar as a whole. An event that cannot be read is passed over, and named.
pub fn read(text: &str, zone: &TimeZone, span: Span) -> Result<Read, Unreadable> {
    if text.len() > CALENDAR_BYTES_MAX {
        return Err(Unreadable::TooLong);
    }
    let Prepared { calendars, passed_over } = structure::prepared(text)?;
    let (mut read, mut work) = (Read::default(), Work::default());
    passed_over.into_iter().for_each(|what| read.pass_over(what));
    for text in &calendars {
        // The parser takes one calendar of a stream.
        let calendar = icalendar::parser::read_components(text)
            .map_err(|_| Unreadable::Structure { line: 1, what: "a line cannot be read".to_owned() })?;
        for calendar in &calendar {
            expand::add(calendar, zone, span, &mut work, &mut read)?;
        }
    }
    read.occurrences.sort_by(|a, b| (a.from, a.until, &a.uid).cmp(&(b.from, b.until, &b.uid)));
    Ok(read)
}
