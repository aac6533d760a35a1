//! Windows, zones and clock changes, by example. In: windows and instants. Out: when it is quiet no more.
//!
//! Never: a random case; the properties are in `tests/it/quiet_hours.rs`.

use serde_json::json;

use super::*;
use crate::weekday::DayOfWeek::{self, Fri, Mon, Sat, Sun, Thu, Tue, Wed};

fn quiet(start: &str, end: &str) -> QuietHours {
    QuietHours::daily(start.parse().unwrap(), end.parse().unwrap(), "UTC")
}

fn window(days: &[DayOfWeek], start: &str, end: &str) -> QuietWindow {
    let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
    QuietWindow { start, end, days: days.to_vec(), dates: Vec::new(), calendar: None }
}

fn until_of(hours: &QuietHours, zones: &[&str], now: &str) -> Option<Timestamp> {
    let zones: Vec<_> = zones.iter().map(|name| zone(name).unwrap()).collect();
    hours.quiet(&zones, &Map::new(), now.parse().unwrap()).map(|quiet| quiet.until)
}

#[track_caller]
fn check(hours: &QuietHours, zone_name: &str, now: &str, until: Option<&str>) {
    let until = until.map(|text| text.parse::<Timestamp>().unwrap());
    assert_eq!(until_of(hours, &[zone_name], now), until);
}

#[test]
fn a_window_over_midnight_ends_the_next_morning() {
    let hours = quiet("21:00", "08:00");
    check(&hours, "America/New_York", "2026-01-15T03:00:00Z", Some("2026-01-15T13:00:00Z"));
    check(&hours, "America/New_York", "2026-01-15T12:59:59Z", Some("2026-01-15T13:00:00Z"));
    check(&hours, "America/New_York", "2026-01-15T13:00:00Z", None);
    check(&hours, "America/New_York", "2026-01-16T01:59:59Z", None);
}

#[test]
fn a_window_within_a_day_ends_the_same_day() {
    let hours = quiet("12:00", "14:00");
    check(&hours, "Europe/Berlin", "2026-07-01T10:30:00Z", Some("2026-07-01T12:00:00Z"));
    check(&hours, "Europe/Berlin", "2026-07-01T12:00:00Z", None);
}

#[test]
fn c2_the_hour_that_comes_twice_is_quiet_both_times() {
    let hours = quiet("00:00", "01:30");
    // New York, 2026-11-01: 01:15 is 05:15Z and 06:15Z.
    for now in ["2026-11-01T05:15:00Z", "2026-11-01T05:45:00Z", "2026-11-01T06:15:00Z"] {
        check(&hours, "America/New_York", now, Some("2026-11-01T06:30:00Z"));
    }
    check(&hours, "America/New_York", "2026-11-01T06:30:00Z", None);
    check(&quiet("21:00", "01:30"), "America/New_York", "2026-11-01T06:15:00Z", Some("2026-11-01T06:30:00Z"));
    check(&quiet("01:30", "06:00"), "America/New_York", "2026-11-01T06:15:00Z", Some("2026-11-01T11:00:00Z"));
    // What was announced in the skipped hour holds until then.
    check(&quiet("21:00", "02:30"), "America/New_York", "2026-03-08T07:10:00Z", Some("2026-03-08T07:30:00Z"));
}

#[test]
fn clock_changes_move_the_end_with_the_local_clock() {
    let hours = quiet("21:00", "08:00");
    // New York springs forward on 2026-03-08: 08:00 is 12:00Z, the day before it was 13:00Z.
    check(&hours, "America/New_York", "2026-03-08T05:00:00Z", Some("2026-03-08T12:00:00Z"));
    // It falls back on 2026-11-01.
    check(&hours, "America/New_York", "2026-11-01T04:00:00Z", Some("2026-11-01T13:00:00Z"));
    // An end inside the hour that is skipped moves forward with the clock.
    check(&quiet("21:00", "02:30"), "America/New_York", "2026-03-08T05:00:00Z", Some("2026-03-08T07:30:00Z"));
}

#[test]
fn a_window_that_starts_in_the_hour_that_is_skipped_starts_with_the_next() {
    for start in ["02:00", "02:30"] {
        let hours = quiet(start, "06:00");
        check(&hours, "America/New_York", "2026-03-08T06:59:59Z", None);
        check(&hours, "America/New_York", "2026-03-08T07:00:00Z", Some("2026-03-08T10:00:00Z"));
    }
}

#[test]
fn a_night_that_lasts_over_a_day_that_a_zone_left_out_is_quiet_whole() {
    // Apia went from 2011-12-29, 24:00 at -10, to 2011-12-31 at +14.
    let hours = quiet("21:00", "08:00");
    check(&hours, "Pacific/Apia", "2011-12-30T07:30:00Z", Some("2011-12-30T18:00:00Z"));
    check(&hours, "Pacific/Apia", "2011-12-30T10:30:00Z", Some("2011-12-30T18:00:00Z"));
}

#[test]
fn weekdays_have_windows_of_their_own_and_adjoining_ones_are_one() {
    let mut hours = quiet("21:00", "08:00");
    hours.windows = vec![
        window(&[Mon, Tue, Wed, Thu, Fri], "18:00", "09:00"),
        window(&[Sat], "17:00", "00:00"),
        window(&[Sun], "00:00", "00:00"),
        window(&[Mon], "00:00", "09:00"),
    ];
    // 2026-01-17 is a Saturday.
    check(&hours, "UTC", "2026-01-17T08:59:59Z", Some("2026-01-17T09:00:00Z"));
    check(&hours, "UTC", "2026-01-17T09:00:00Z", None);
    check(&hours, "UTC", "2026-01-17T17:00:00Z", Some("2026-01-19T09:00:00Z"));
    check(&hours, "UTC", "2026-01-19T17:59:59Z", None);
    assert!(!hours.are_endless());
    let shown: Vec<_> = hours.windows.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["mon,tue,wed,thu,fri 18:00-09:00", "sat 17:00-24:00", "sun 00:00-24:00", "mon 00:00-09:00"]
    );
}

#[test]
fn dates_have_windows_of_their_own_also_by_a_field_of_the_event() {
    let christmas = QuietWindow {
        dates: vec!["2026-12-25".parse().unwrap()],
        calendar: Some("us".into()),
        ..window(&[], "00:00", "00:00")
    };
    let mut hours = quiet("21:00", "08:00");
    hours.windows.push(christmas);
    check(&hours, "America/New_York", "2026-12-25T02:00:00Z", Some("2026-12-26T13:00:00Z"));
    check(&hours, "America/New_York", "2026-12-24T13:00:00Z", None);
    assert_eq!(hours.windows[1].to_string(), "us 00:00-24:00");
    let early = window(&[], "18:00", "10:00");
    hours.by_field = Some(WindowsByField {
        field: "customer.state".into(),
        calendars: [("KY".into(), vec![early])].into(),
    });
    let zones = [zone("America/New_York").unwrap()];
    let quiet = |state: &str| {
        let data = json!({"customer": {"state": state}});
        let now = "2026-01-15T23:30:00Z".parse().unwrap();
        hours.quiet(&zones, data.as_object().unwrap(), now).map(|quiet| quiet.until.to_string())
    };
    assert_eq!(quiet("KY"), Some("2026-01-16T15:00:00Z".into()));
    assert_eq!(quiet("OH"), None);
}

#[test]
fn what_is_quiet_in_one_of_the_zones_is_quiet() {
    let hours = quiet("21:00", "08:00");
    let zones = ["America/New_York", "America/Los_Angeles"];
    assert_eq!(
        until_of(&hours, &zones, "2026-01-15T12:00:00Z"),
        Some("2026-01-15T16:00:00Z".parse().unwrap())
    );
    assert_eq!(until_of(&hours, &zones, "2026-01-15T16:00:00Z"), None);
    assert_eq!(
        until_of(&hours, &zones, "2026-01-16T02:00:00Z"),
        Some("2026-01-16T16:00:00Z".parse().unwrap())
    );
}

#[test]
fn windows_that_leave_no_time_are_endless() {
    let endless = |windows: Vec<QuietWindow>| QuietHours { windows, ..quiet("21:00", "08:00") }.are_endless();
    assert!(endless(vec![window(&[], "00:00", "00:00")]));
    assert!(endless(vec![window(&[], "08:00", "21:00"), window(&[], "20:00", "08:00")]));
    assert!(!endless(vec![
        window(&[], "08:00", "21:00"),
        window(&[Mon, Tue, Wed, Thu, Fri, Sat], "20:00", "08:00")
    ]));
    let by_field = |start: &str| {
        let calendars = [("x".to_owned(), vec![window(&[], start, "21:00")])].into();
        QuietHours {
            by_field: Some(WindowsByField { field: "a.b".into(), calendars }),
            ..quiet("21:00", "08:00")
        }
    };
    assert!(by_field("08:00").are_endless());
    assert!(!by_field("08:01").are_endless());
}

#[test]
fn one_daily_window_is_stored_as_it_was_before_there_were_others() {
    let stored = json!({"start": "21:00:00", "end": "08:00:00", "time_zone": "UTC", "urgent": false});
    let read: QuietHours = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(read, quiet("21:00", "08:00"));
    assert_eq!(serde_json::to_value(&read).unwrap(), stored);
    let mut more = quiet("21:00", "08:00");
    more.windows.push(window(&[Sun], "00:00", "00:00"));
    (more.time_zone, more.defer_at_most_s, more.then) = (None, Some(3_600), AfterWait::Escalate);
    let again: QuietHours = serde_json::from_value(serde_json::to_value(&more).unwrap()).unwrap();
    assert_eq!(again, more);
    let never = json!({"start": "21:00:00", "end": "21:00:00", "time_zone": "UTC", "urgent": false});
    assert_eq!(serde_json::from_value::<QuietHours>(never).unwrap().windows, []);
}
