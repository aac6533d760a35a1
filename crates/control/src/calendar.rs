//! Shifts as a calendar. In: layers with their shifts. Out: iCalendar (RFC 5545), one event for each shift.
//!
//! Never: a number; a calendar is shown to many.

use icalendar::{Calendar, Component as _, Event};
use jiff::Timestamp;

use crate::layer::LayerView;

/// The calendar of these layers; of one person's shifts where `contact` names one.
pub fn calendar(layers: &[LayerView], contact: Option<&str>, now: Timestamp) -> String {
    let mut calendar = Calendar::new();
    calendar.name("On call");
    for layer in layers {
        let name = format!("{}/{}", layer.schedule, layer.layer);
        let shifts = layer.shifts.iter().filter_map(|shift| Some((shift, shift.contact.as_deref()?)));
        for (shift, who) in shifts.filter(|(_, who)| contact.is_none_or(|only| only == *who)) {
            let mut event = Event::new();
            let beginning = shift.from.as_second();
            event.uid(&format!("{name}-{beginning}@callout")).summary(&format!("On call: {name} ({who})"));
            event.add_property("DTSTAMP", utc(now));
            event.add_property("DTSTART", utc(shift.from)).add_property("DTEND", utc(shift.until));
            event.add_property("TRANSP", "TRANSPARENT");
            calendar.push(event.done());
        }
    }
    calendar.done().to_string()
}

/// A time as calendars have it (RFC 5545, 3.3.5, form 2).
fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use domain::{calendar_people::assign, directory::Contact, oncall::Shift};

    use super::*;

    #[test]
    fn each_shift_is_an_event_in_utc_and_gaps_are_none() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let shift = |from: &str, until: &str, contact: Option<&str>| Shift {
            from: at(from),
            until: at(until),
            contact: contact.map(str::to_owned),
            by_override: None,
            by_calendar: false,
        };
        let layer = LayerView {
            schedule: "desk".into(),
            layer: "primary".into(),
            time_zone: "Europe/Berlin".into(),
            shifts: vec![
                shift("2026-01-05T08:00:00Z", "2026-01-12T08:00:00Z", Some("ada")),
                shift("2026-01-12T08:00:00Z", "2026-01-12T09:00:00Z", None),
                shift("2026-01-12T09:00:00Z", "2026-01-19T08:00:00Z", Some("ben")),
            ],
            overrides: Vec::new(),
            calendar: None,
        };
        let now = at("2026-01-05T09:30:00Z");
        let all = calendar(std::slice::from_ref(&layer), None, now);
        assert_eq!(all.matches("BEGIN:VEVENT").count(), 2, "{all}");
        for line in [
            "DTSTART:20260105T080000Z",
            "DTEND:20260112T080000Z",
            "SUMMARY:On call: desk/primary (ada)",
            "DTSTAMP:20260105T093000Z",
        ] {
            assert!(all.lines().any(|one| one == line), "{line} is not in {all}");
        }
        let of_ben = calendar(std::slice::from_ref(&layer), Some("ben"), now);
        assert!(of_ben.contains("(ben)") && !of_ben.contains("(ada)"), "{of_ben}");
        // What is written can be read as the calendar of another schedule.
        let read = calendars::read(&all, &jiff::tz::TimeZone::UTC, calendars::Span::around(now)).unwrap();
        let contact = |name: &str| Contact {
            name: name.to_owned(),
            number: "+14155550100".parse().unwrap(),
            more_numbers: Vec::new(),
            time_zone: "UTC".to_owned(),
            team: None,
            email: None,
        };
        let contacts = ["ada", "ben"].map(|name| (name.to_owned(), contact(name))).into();
        let (shifts, not_taken) = assign(&read.occurrences, &contacts);
        let again: Vec<_> = shifts.iter().map(|of| (of.from, of.until, Some(of.contact.clone()))).collect();
        let written = layer.shifts.iter().filter(|shift| shift.contact.is_some());
        let written: Vec<_> = written.map(|of| (of.from, of.until, of.contact.clone())).collect();
        assert_eq!((again, not_taken, read.passed_over), (written, Vec::new(), Vec::new()));
    }
}
