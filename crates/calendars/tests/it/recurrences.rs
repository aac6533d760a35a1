//! How events recur and end. In: events. Out: when they take place.

use super::{calendar, event, shown};

fn times(lines: &str) -> Vec<String> {
    shown(&event(lines)).into_iter().map(|line| line.trim_end_matches(" Ada").to_owned()).collect()
}

/// As some calendars export the change of one recurrence: by its day alone.
#[test]
fn a_recurrence_that_is_named_by_its_day_is_replaced() {
    let series = "BEGIN:VEVENT\nUID:1\nSUMMARY:Ada\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDURATION:PT1H\n\
                  RRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\n";
    let other = "BEGIN:VEVENT\nUID:1\nSUMMARY:Ben\nRECURRENCE-ID;VALUE=DATE:20260106\n\
                 DTSTART;TZID=Europe/Berlin:20260106T120000\nDURATION:PT1H\nEND:VEVENT\n";
    assert_eq!(
        shown(&calendar(&format!("{series}{other}"))),
        [
            "2026-01-05T08:00:00Z 2026-01-05T09:00:00Z Ada",
            "2026-01-06T11:00:00Z 2026-01-06T12:00:00Z Ben",
            "2026-01-07T08:00:00Z 2026-01-07T09:00:00Z Ada"
        ]
    );
}

#[test]
fn an_event_ends_at_its_local_time_through_clock_changes() {
    let nightly = "DTSTART;TZID=America/New_York:20260307T220000\nDTEND;TZID=America/New_York:20260308T060000\n\
                   RRULE:FREQ=DAILY;COUNT=2";
    assert_eq!(
        times(nightly),
        ["2026-03-08T03:00:00Z 2026-03-08T10:00:00Z", "2026-03-09T02:00:00Z 2026-03-09T10:00:00Z"]
    );
    let back = "DTSTART;TZID=America/New_York:20261031T220000\nDTEND;TZID=America/New_York:20261101T060000";
    assert_eq!(times(back), ["2026-11-01T02:00:00Z 2026-11-01T11:00:00Z"]);
    // A time that is skipped counts by the clock before, and of two equal ones the first.
    let skipped = "DTSTART;TZID=America/New_York:20260308T023000\nDURATION:PT1H";
    assert_eq!(times(skipped), ["2026-03-08T07:30:00Z 2026-03-08T08:30:00Z"]);
    let twice = "DTSTART;TZID=America/New_York:20261101T013000\nDURATION:PT1H";
    assert_eq!(times(twice), ["2026-11-01T05:30:00Z 2026-11-01T06:30:00Z"]);
}

#[test]
fn days_and_durations_count_by_the_calendar() {
    assert_eq!(times("DTSTART;VALUE=DATE:20260328"), ["2026-03-27T23:00:00Z 2026-03-28T23:00:00Z"]);
    assert_eq!(
        times("DTSTART;VALUE=DATE:20260328\nDURATION:P2D"),
        ["2026-03-27T23:00:00Z 2026-03-29T22:00:00Z"]
    );
    assert_eq!(times("DTSTART:20260328T090000\nDURATION:P1W"), ["2026-03-28T08:00:00Z 2026-04-04T07:00:00Z"]);
    assert_eq!(
        times("DTSTART:20260328T090000\nDURATION:P1DT2H"),
        ["2026-03-28T08:00:00Z 2026-03-29T09:00:00Z"]
    );
}

#[test]
fn lists_add_and_take_away() {
    let lists = "DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260105T170000\n\
                 RRULE:FREQ=WEEKLY;UNTIL=20260119\nEXDATE;VALUE=DATE:20260112\n\
                 RDATE;TZID=Europe/Berlin:20260106T100000,20260107T100000\n\
                 RDATE;VALUE=PERIOD:20260108T100000Z/PT1H,20260109T100000Z/20260109T113000Z";
    assert_eq!(
        times(lists),
        [
            "2026-01-05T08:00:00Z 2026-01-05T16:00:00Z",
            "2026-01-06T09:00:00Z 2026-01-06T17:00:00Z",
            "2026-01-07T09:00:00Z 2026-01-07T17:00:00Z",
            "2026-01-08T10:00:00Z 2026-01-08T11:00:00Z",
            "2026-01-09T10:00:00Z 2026-01-09T11:30:00Z",
            "2026-01-19T08:00:00Z 2026-01-19T16:00:00Z"
        ]
    );
    let days = "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;UNTIL=20260107\nEXDATE;VALUE=DATE:20260106";
    assert_eq!(times(days).len(), 2);
}

#[test]
fn a_rule_without_end_that_began_long_ago_is_followed_within_the_span() {
    let weekly = "DTSTART;TZID=Europe/Berlin:20010101T090000\nDTEND;TZID=Europe/Berlin:20010108T090000\n\
                  RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO";
    let found = times(weekly);
    assert_eq!(found.len(), 27, "{found:?}");
    assert!(found.iter().all(|line| line.contains("T08:00:00Z") || line.contains("T07:00:00Z")));
    let monthly =
        "DTSTART;TZID=Europe/Berlin:20260130T090000\nDURATION:PT8H\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3";
    assert_eq!(times(monthly)[2], "2026-03-27T08:00:00Z 2026-03-27T16:00:00Z");
}

#[test]
fn a_recurrence_of_an_event_that_is_not_there_stands_by_itself() {
    let lines = "BEGIN:VEVENT\nUID:9\nSUMMARY:Ada\nRECURRENCE-ID:20260105T090000Z\nDTSTART:20260105T100000Z\n\
                 DURATION:PT1H\nEND:VEVENT\nBEGIN:VEVENT\nUID:8\nSUMMARY:Ben\nSTATUS:CANCELLED\nDTSTART:20260105T100000Z\n\
                 DURATION:PT1H\nEND:VEVENT";
    assert_eq!(shown(&calendar(lines)), ["2026-01-05T10:00:00Z 2026-01-05T11:00:00Z Ada"]);
}
