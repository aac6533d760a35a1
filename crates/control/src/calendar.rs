//! Turns as a calendar. In: layers with their turns. Out: iCalendar (RFC 5545), one event for each turn.
//!
//! Never: a number; a calendar is shown to many.

use domain::{id::short, oncall::Turn};
use icalendar::{Calendar, Component as _, Event};
use jiff::Timestamp;

/// The calendar of these layers, each with its name; of one person's turns where `contact` names one.
///
/// What names an event follows from its layer, its person and its beginning, so that a calendar program knows it again.
pub(crate) fn calendar(layers: &[(String, Vec<Turn>)], contact: Option<&str>, now: Timestamp) -> String {
    let mut calendar = Calendar::new();
    calendar.name("On call");
    for (name, turns) in layers {
        for turn in turns.iter().filter(|turn| contact.is_none_or(|only| only == turn.contact)) {
            let (who, beginning) = (&turn.contact, turn.from.as_second());
            let mut event = Event::new();
            event.uid(&format!("{}@callout", short(&["turn", name, who, &beginning.to_string()])));
            event.summary(&format!("On call: {name} ({who})"));
            event.add_property("DTSTAMP", utc(now));
            event.add_property("DTSTART", utc(turn.from)).add_property("DTEND", utc(turn.until));
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
    use domain::{calendar_people::assign, directory::Contact};

    use super::*;

    #[test]
    fn each_turn_is_an_event_in_utc() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let turn = |from: &str, until: &str, contact: &str| Turn {
            from: at(from),
            until: at(until),
            contact: contact.to_owned(),
        };
        let turns = vec![
            turn("2026-01-05T08:00:00Z", "2026-01-12T08:00:00Z", "ada"),
            turn("2026-01-12T09:00:00Z", "2026-01-19T08:00:00Z", "ben"),
        ];
        let layers = [("desk/primary".to_owned(), turns.clone())];
        let now = at("2026-01-05T09:30:00Z");
        let all = calendar(&layers, None, now);
        assert_eq!(all.matches("BEGIN:VEVENT").count(), 2, "{all}");
        for line in [
            "DTSTART:20260105T080000Z",
            "DTEND:20260112T080000Z",
            "SUMMARY:On call: desk/primary (ada)",
            "DTSTAMP:20260105T093000Z",
        ] {
            assert!(all.lines().any(|one| one == line), "{line} is not in {all}");
        }
        let of_ben = calendar(&layers, Some("ben"), now);
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
        let (shifts, not_taken) = assign(&read.occurrences, &contacts, now);
        let again: Vec<_> = shifts.iter().map(|of| (of.from, of.until, of.contact.clone())).collect();
        let written: Vec<_> = turns.into_iter().map(|of| (of.from, of.until, of.contact)).collect();
        assert_eq!((again, not_taken, read.passed_over), (written, Vec::new(), Vec::new()));
    }
}
