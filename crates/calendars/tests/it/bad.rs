//! What cannot be read. In: calendars with faults. Out: errors that say where, and parts that are passed over.

use calendars::Unreadable;
use proptest::prelude::*;

use super::{calendar, event, read};

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn a_text_that_is_no_calendar_is_refused_as_a_whole() {
    for (text, says) in [
        ("", "it is not iCalendar"),
        ("{\"error\": \"not found\"}", "it is not iCalendar"),
        ("BEGIN:VCARD\nEND:VCARD\n", "it is not iCalendar"),
        (
            "<!DOCTYPE html><html><body>Sign in</body></html>",
            "it is HTML, not iCalendar: copy the address of the feed",
        ),
        ("\n<html>", "it is HTML"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n", "line 3: it ends before END:VEVENT: it was cut off"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", "line 3: END:VCALENDAR where VEVENT began"),
    ] {
        assert!(refused(text).starts_with(says), "{text:?}: {}", refused(text));
    }
    assert_eq!(read(&"x".repeat(3 << 20)), Err(Unreadable::TooLong));
    let deep = "BEGIN:VCALENDAR\n".repeat(100_000);
    assert!(refused(&deep).contains("more than 8 deep"));
}

#[test]
fn an_empty_calendar_is_one_without_events() {
    assert_eq!(read(&calendar("")).unwrap(), calendars::Read::default());
}

#[test]
fn an_event_that_cannot_be_read_is_named_and_the_others_are_taken() {
    for (lines, says) in [
        ("DTSTART:20260105\nDTEND:20260105", "ends before it begins"),
        ("DTSTART:20260105T090000", "has neither DTEND nor DURATION"),
        ("DTSTART:tomorrow\nDTEND:20260105", "DTSTART: \"tomorrow\" is no time"),
        ("DTSTART:20260230T090000Z\nDURATION:PT1H", "\"20260230T090000Z\" is no time"),
        (
            "DTSTART;TZID=Mars/Base:20260105T090000\nDURATION:PT1H",
            "the time zone \"Mars/Base\" is not of the IANA",
        ),
        ("DTSTART:20260105T090000Z\nDURATION:-PT1H", "\"-PT1H\" is no duration"),
        ("DTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:FREQ=SOMETIMES", "RRULE FREQ=SOMETIMES: "),
        (
            "DTSTART:20010105T090000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY",
            "RRULE FREQ=SECONDLY: has more than 100000 recurrences",
        ),
        ("DTSTART:20260105T090000Z\nDURATION:PT1H\nEXRULE:FREQ=DAILY", "EXRULE is not supported"),
        (
            "DTSTART:20260105T090000Z\nDURATION:PT1H\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260105T090000Z",
            "RECURRENCE-ID with RANGE is not supported",
        ),
        ("DURATION:PT1H", "has no DTSTART"),
        (
            "DTSTART:20260105T090000Z\nDURATION:PT1H\nATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.com",
            "everybody whom it names has declined",
        ),
        ("DTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=0", "COUNT is 0: it is 1 at least"),
        (
            "DTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=0",
            "INTERVAL is 0: it is 1 at least",
        ),
    ] {
        let good = "BEGIN:VEVENT\nUID:2\nDTSTART:20260105T090000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR";
        let found = read(&event(lines).replace("END:VCALENDAR", good)).unwrap();
        assert_eq!(found.occurrences.len(), 1, "{lines}");
        assert_eq!(found.passed_over.len(), 1, "{lines}");
        let said = &found.passed_over[0];
        assert!(said.starts_with("event \"1\" (\"Ada\"): ") && said.contains(says), "{said}");
    }
    let others =
        read(&calendar("BEGIN:VJOURNAL\nUID:1\nEND:VJOURNAL\nBEGIN:VJOURNAL\nUID:2\nEND:VJOURNAL")).unwrap();
    assert_eq!(others.passed_over, ["VJOURNAL is not read, only VEVENT"]);
}

/// A fault of one line leaves the rest of a calendar as it is.
#[test]
fn a_line_that_is_wrong_is_named_with_its_number_and_the_rest_is_taken() {
    let good = "BEGIN:VEVENT\nUID:1\nSUMMARY:Ada\nDTSTART:20260105T090000Z\nDURATION:PT1H\nEND:VEVENT";
    for (text, passed_over) in [
        (calendar(good).replace("UID:1", "UID:1\nVERSION 2.0"), "line 5: a property without a colon"),
        (calendar(good).replace("UID:1", "UID:1\n=?;:x"), "line 5: it is no property"),
        (calendar(good) + "rest", "line 10: it is behind END:VCALENDAR"),
        (calendar(good).replace("Ada", "Ada \u{fffd}"), "line 5: a character that is no UTF-8"),
    ] {
        let found = read(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!((found.occurrences.len(), found.passed_over), (1, vec![passed_over.to_owned()]), "{text}");
    }
    let of_old = calendar(good).replace('\n', "\r");
    assert_eq!(read(&of_old), read(&calendar(good)), "CR alone ends a line");
    let two = calendar(good) + &calendar(&good.replace("20260105", "20260106"));
    assert_eq!(read(&two).unwrap().occurrences.len(), 2, "a stream of two calendars");
}

#[test]
fn more_shifts_than_are_taken_are_refused() {
    let hourly = event("DTSTART:20260101T000000Z\nDURATION:PT1H\nRRULE:FREQ=MINUTELY;INTERVAL=20");
    assert_eq!(read(&hourly), Err(Unreadable::TooMany));
}

proptest! {
    /// Nothing that a server sends ends the process.
    #[test]
    fn any_text_is_read_or_refused(
        lines in proptest::collection::vec(
            prop_oneof![
                Just("BEGIN:VEVENT".to_owned()), Just("END:VEVENT".to_owned()), Just("BEGIN:VTIMEZONE".to_owned()),
                Just("END:VTIMEZONE".to_owned()), Just("BEGIN:STANDARD".to_owned()), Just("END:STANDARD".to_owned()),
                Just("TZID:X".to_owned()), Just("TZOFFSETTO:+0100".to_owned()),
                "(DTSTART|DTEND|RDATE|EXDATE|RECURRENCE-ID|UID)(;TZID=X|;VALUE=DATE)?:[0-9TZ/P,]{0,20}",
                "RRULE:FREQ=(DAILY|WEEKLY|YEARLY);(INTERVAL|COUNT|BYDAY|BYMONTH|UNTIL)=[0-9A-Z-]{0,5}",
                "DURATION:P[0-9]{0,20}[DWT]", "\\PC{0,30}",
            ],
            0..12,
        )
    ) {
        let _ = read(&calendar(&lines.join("\n")));
    }
}

/// To find out that a rule never recurs takes a while, so a calendar has few of those.
#[test]
fn a_calendar_of_rules_that_never_recur_is_refused() {
    let never = "DTSTART:20260101T090000Z\nDTEND:20260101T170000Z\nSUMMARY:ada\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30";
    let of = |count: usize| {
        let of = |n: usize| format!("BEGIN:VEVENT\nUID:never-{n}\n{never}\nEND:VEVENT");
        let events: Vec<String> = (0..count).map(of).collect();
        calendar(&events.join("\n"))
    };
    let few = read(&of(2)).unwrap();
    assert!(few.occurrences.is_empty() && few.passed_over.len() == 2, "{few:?}");
    assert_eq!(refused(&of(21)), "it has more than 20 events whose rule never recurs");
}

/// Each rule is within its bounds; all of them together are not.
#[test]
fn a_calendar_that_would_take_long_is_refused() {
    let hourly =
        "DTSTART:20160101T000000Z\nDURATION:PT1M\nSUMMARY:ada\nRRULE:FREQ=HOURLY;UNTIL=20241231T000000Z";
    let of = |n: usize| format!("BEGIN:VEVENT\nUID:hourly-{n}\n{hourly}\nEND:VEVENT");
    let events: Vec<String> = (0..8).map(of).collect();
    assert!(
        refused(&calendar(&events.join("\n"))).starts_with("its rules have more than 500000 recurrences")
    );
}
