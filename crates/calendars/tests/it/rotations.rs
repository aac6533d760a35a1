//! A rotation that is written as a rule. In: rotations of several zones. Out: the same person at every moment.

use calendars::Span;
use domain::oncall::{
    LayerName, LayerPlan, Rotation, TurnLength,
    calendar::{CalendarShift, CalendarShifts},
    shifts,
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use proptest::prelude::*;

const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "UTC",
];
const LAYER: LayerName<'_> = LayerName { schedule: "platform", layer: "primary" };

/// The rotation as a calendar: an event for each member, which recurs when it is that member's turn again.
fn as_calendar(rotation: &Rotation, days: u16) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n".to_owned();
    for (number, member) in (0_i64..).zip(&rotation.members) {
        let turn = |turn: i64| {
            let start = rotation.start.to_datetime(rotation.handover);
            start.checked_add((turn * i64::from(days)).days()).unwrap().strftime("%Y%m%dT%H%M%S").to_string()
        };
        let zone = &rotation.time_zone;
        let (start, end) = (turn(number), turn(number + 1));
        let interval = usize::from(days) * rotation.members.len();
        text += &format!(
            "BEGIN:VEVENT\r\nUID:{number}\r\nSUMMARY:{member}\r\nDTSTART;TZID={zone}:{start}\r\nDTEND;TZID={zone}:{end}\r\n\
             RRULE:FREQ=DAILY;INTERVAL={interval}\r\nEND:VEVENT\r\n"
        );
    }
    text + "END:VCALENDAR\r\n"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_rotation_is_the_same_as_a_rule(
        zone in proptest::sample::select(&ZONES[..]),
        year in 2015_i16..2035,
        (month, day) in (1_i8..=12, 1_i8..=28),
        (hour, minute) in (0_i8..24, proptest::sample::select(&[0_i8, 15, 30][..])),
        days in 1_u16..15,
        people in 1_usize..4,
        later in 0_i64..1_500,
    ) {
        let members = ["ada", "ben", "eve"][..people].iter().map(|&name| name.to_owned()).collect();
        let rotation = Rotation {
            time_zone: zone.to_owned(),
            start: jiff::civil::date(year, month, day),
            handover: jiff::civil::time(hour, minute, 0, 0),
            turn: TurnLength::Days(days),
            members,
            hours: None,
        };
        let begun = rotation.start.to_datetime(rotation.handover).to_zoned(TimeZone::get(zone).unwrap()).unwrap();
        let from = begun.timestamp() + SignedDuration::from_hours(24 * later);
        let span = Span { from, until: from + SignedDuration::from_hours(24 * 400) };
        let read = calendars::read(&as_calendar(&rotation, days), &TimeZone::UTC, span).unwrap();
        prop_assert_eq!(&read.passed_over, &Vec::<String>::new());
        let of_calendar = CalendarShifts::new(
            read.occurrences
                .into_iter()
                .map(|of| CalendarShift { from: of.from, until: of.until, contact: of.summary })
                .collect(),
        );
        let by = |plan: LayerPlan<'_>| -> Vec<(Timestamp, Option<String>)> {
            shifts(LAYER, plan, &[], span.from, span.until).into_iter().map(|shift| (shift.from, shift.contact)).collect()
        };
        let rotations = [rotation];
        let calendar = LayerPlan { calendar: Some(&of_calendar), rotations: &[] };
        prop_assert_eq!(by(LayerPlan::of(&rotations)), by(calendar));
    }
}
