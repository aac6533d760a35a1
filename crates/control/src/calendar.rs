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
    use domain::oncall::Shift;

    use super::*;

    #[test]
    fn each_shift_is_an_event_in_utc_and_gaps_are_none() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let shift = |from: &str, until: &str, contact: Option<&str>| Shift {
            from: at(from),
            until: at(until),
            contact: contact.map(str::to_owned),
            by_override: None,
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
        let of_ben = calendar(&[layer], Some("ben"), now);
        assert!(of_ben.contains("(ben)") && !of_ben.contains("(ada)"), "{of_ben}");
    }
}
