//! One `VEVENT`. In: its properties. Out: when it begins, how it ends, how it recurs, and whom it names.
//!
//! Never: expands it.

use icalendar::parser::{Component, Property};
use jiff::Span as Duration;

use crate::{value::Moment, zones::Zones};

/// How long an event lasts.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// Until a local time: each recurrence ends at its own.
    At(Moment),
    /// Days by the calendar, then time by the clock.
    After(Duration),
}

/// A time on a list of times.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) start: Moment,
    /// Where the list gives one.
    pub(crate) end: Option<End>,
}

/// An event as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) uid: String,
    pub(crate) summary: String,
    pub(crate) attendees: Vec<String>,
    pub(crate) start: Moment,
    pub(crate) end: End,
    pub(crate) is_cancelled: bool,
    pub(crate) sequence: i64,
    /// Which recurrence of another event it stands for.
    pub(crate) instead_of: Option<Moment>,
    pub(crate) rules: Vec<String>,
    pub(crate) more: Vec<Listed>,
    pub(crate) except: Vec<Moment>,
}

/// The text of a property, without escapes.
fn text(property: &Property<'_>) -> String {
    property.val.clone().unescape_text().as_str().trim().to_owned()
}

fn parameter<'a>(property: &'a Property<'_>, name: &str) -> Option<&'a str> {
    let found = property.params.iter().find(|param| param.key.as_str().eq_ignore_ascii_case(name));
    found?.val.as_ref().map(|value| value.as_str())
}

fn all<'a, 'b>(of: &'a Component<'b>, name: &'a str) -> impl Iterator<Item = &'a Property<'b>> {
    of.properties.iter().filter(move |property| property.name.as_str().eq_ignore_ascii_case(name))
}

fn moment(property: &Property<'_>, zones: &Zones) -> Result<Moment, String> {
    Moment::read(property.val.as_str(), parameter(property, "TZID"), zones)
        .map_err(|why| format!("{}: {why}", property.name.as_str()))
}

fn duration(value: &str) -> Result<Duration, String> {
    let read = value.trim().parse::<Duration>().ok().filter(|span| span.is_positive());
    read.ok_or_else(|| format!("{value:?} is no duration"))
}

impl Event {
    /// The `UID` and title of an event, to name it by.
    pub(crate) fn name(of: &Component<'_>) -> (String, String) {
        let first = |name| all(of, name).next().map(text).unwrap_or_default();
        (first("UID"), first("SUMMARY"))
    }

    /// Reads an event.
    pub(crate) fn read(of: &Component<'_>, zones: &Zones) -> Result<Self, String> {
        let first = |name| all(of, name).next();
        let (uid, summary) = Self::name(of);
        let instead_of = first("RECURRENCE-ID").map(|property| moment(property, zones)).transpose()?;
        if first("RECURRENCE-ID").is_some_and(|property| parameter(property, "RANGE").is_some()) {
            return Err("RECURRENCE-ID with RANGE is not supported".to_owned());
        }
        if first("EXRULE").is_some() {
            return Err("EXRULE is not supported".to_owned());
        }
        let status = first("STATUS").map(text).unwrap_or_default();
        let is_cancelled = status.eq_ignore_ascii_case("CANCELLED");
        if first("ATTENDEE").is_some() && all(of, "ATTENDEE").all(has_declined) && !is_cancelled {
            return Err("everybody whom it names has declined".to_owned());
        }
        let start = match (first("DTSTART"), &instead_of) {
            (Some(property), _) => moment(property, zones)?,
            // What is cancelled needs no time of its own.
            (None, Some(instead_of)) if is_cancelled => instead_of.clone(),
            (None, _) => return Err("has no DTSTART".to_owned()),
        };
        let end = match (first("DTEND"), first("DURATION")) {
            (Some(property), _) => End::At(moment(property, zones)?),
            (None, Some(property)) => End::After(duration(property.val.as_str())?),
            (None, None) if start.is_day || is_cancelled => End::After(Duration::new().days(1)),
            (None, None) => return Err("has neither DTEND nor DURATION".to_owned()),
        };
        let mut event = Self {
            uid,
            summary,
            attendees: all(of, "ATTENDEE").filter_map(attendee).collect(),
            start,
            end,
            is_cancelled,
            sequence: first("SEQUENCE").and_then(|property| text(property).parse().ok()).unwrap_or_default(),
            instead_of,
            rules: all(of, "RRULE").map(|property| property.val.as_str().trim().to_owned()).collect(),
            more: Vec::new(),
            except: Vec::new(),
        };
        for property in all(of, "RDATE") {
            for value in property.val.as_str().split(',') {
                event.more.push(listed(value, parameter(property, "TZID"), zones)?);
            }
        }
        for property in all(of, "EXDATE") {
            for value in property.val.as_str().split(',') {
                let moment = Moment::read(value, parameter(property, "TZID"), zones);
                event.except.push(moment.map_err(|why| format!("EXDATE: {why}"))?);
            }
        }
        Ok(event)
    }
}

/// A time, or a time and its end.
fn listed(value: &str, tzid: Option<&str>, zones: &Zones) -> Result<Listed, String> {
    let in_list = |why: String| format!("RDATE: {why}");
    let (start, end) = value.split_once('/').map_or((value, None), |(start, end)| (start, Some(end)));
    let end = match end {
        Some(end) if end.trim_start().starts_with(['P', 'p', '+']) => {
            Some(End::After(duration(end).map_err(in_list)?))
        }
        Some(end) => Some(End::At(Moment::read(end, tzid, zones).map_err(in_list)?)),
        None => None,
    };
    Ok(Listed { start: Moment::read(start, tzid, zones).map_err(in_list)?, end })
}

/// The mail address of one who takes part.
fn attendee(property: &Property<'_>) -> Option<String> {
    let value = property.val.as_str().trim();
    let is_mailto = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    let address = if is_mailto { value.get(7..)? } else { value };
    // Some calendars hide the address in a parameter.
    let address = if address.contains('@') { Some(address) } else { parameter(property, "EMAIL") }?;
    (!has_declined(property)).then(|| address.trim_matches('"').to_owned())
}

fn has_declined(attendee: &Property<'_>) -> bool {
    parameter(attendee, "PARTSTAT").is_some_and(|of| of.eq_ignore_ascii_case("DECLINED"))
}
