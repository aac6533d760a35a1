//! Quiet hours over all zones and thirty years of clock changes, and what becomes of texts that wait for them.
//!
//! In: drawn windows, zones and instants. Out: no text inside a window, an end of every wait, and a resume.
//! Never: computes with the code under test: what is quiet is read off the local clock.

use std::collections::BTreeMap;

use domain::{
    policy::{Deferral, Rule},
    quiet_hours::{AfterWait, QuietHours, QuietWindow},
    run::{Audience, RunPhase},
    timeline::TimelineEvent,
    weekday::DayOfWeek,
    workflow::WorkflowDefinition,
};
use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use proptest::prelude::*;
use serde_json::Map;

use crate::world::{World, at, audiences, definition, event, paging, reminder, step};

/// Every zone of the tables that are built in.
fn zones() -> Vec<TimeZone> {
    jiff::tz::db().available().filter_map(|name| TimeZone::get(name.as_str()).ok()).collect()
}

/// Whether the local clock stands in a window.
fn clock_is_within(windows: &[QuietWindow], zone: &TimeZone, now: Timestamp) -> bool {
    let local = now.to_zoned(zone.clone()).datetime();
    let days = [local.date(), local.date().yesterday().unwrap()];
    windows.iter().any(|window| {
        days.iter().any(|day| {
            let is_day = window.days.is_empty() || window.days.contains(&DayOfWeek::of(*day));
            let last = if window.start < window.end { *day } else { day.tomorrow().unwrap() };
            is_day && day.to_datetime(window.start) <= local && local < last.to_datetime(window.end)
        })
    })
}

fn hours(windows: Vec<QuietWindow>) -> QuietHours {
    QuietHours { windows, ..QuietHours::daily(Time::midnight(), Time::midnight(), "UTC") }
}

fn window(days: &[DayOfWeek], start: &str, end: &str) -> QuietWindow {
    let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
    QuietWindow { start, end, days: days.to_vec(), dates: Vec::new(), calendar: None }
}

/// Where it says "quiet", that has an end within nine days, at which it is not; where it does not, the clock agrees.
fn holds(hours: &QuietHours, zone: &TimeZone, now: Timestamp) -> Result<(), String> {
    let zones = [zone.clone()];
    let quiet = |at: Timestamp| hours.quiet(&zones, &Map::new(), at).map(|quiet| quiet.until);
    let says = |what: &str| Err(format!("{what}: {:?} at {now} in {:?}", hours.windows, zone.iana_name()));
    let Some(until) = quiet(now) else {
        return if clock_is_within(&hours.windows, zone, now) {
            says("a text inside a window")
        } else {
            Ok(())
        };
    };
    if until <= now || until > now + SignedDuration::from_hours(9 * 24) {
        return says("no end in sight");
    }
    if quiet(until).is_some() || clock_is_within(&hours.windows, zone, until) {
        return says("an end inside a window");
    }
    let just_before = until - SignedDuration::from_nanos(1);
    if quiet(just_before) != Some(until) { says("it was not quiet until then") } else { Ok(()) }
}

#[test]
fn no_text_goes_out_inside_a_window_at_any_clock_change_of_any_zone_in_thirty_years() {
    use DayOfWeek::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    let sets = [
        hours(vec![window(&[], "21:00", "08:00")]),
        hours(vec![
            window(&[], "02:00", "02:30"),
            window(&[], "02:30", "04:00"),
            window(&[Sun], "00:00", "00:00"),
        ]),
        hours(vec![
            window(&[Mon, Tue, Wed, Thu, Fri, Sat], "20:30", "00:00"),
            window(&[Sun], "23:30", "01:15"),
        ]),
    ];
    let (from, until): (Timestamp, Timestamp) =
        ("1998-01-01T00:00:00Z".parse().unwrap(), "2030-01-01T00:00:00Z".parse().unwrap());
    let zones = zones();
    assert!(zones.len() > 400, "{}", zones.len());
    // Many are names of one zone.
    let changes: BTreeMap<Vec<_>, &TimeZone> = zones
        .iter()
        .map(|zone| {
            let changes = zone.following(from).take_while(|change| change.timestamp() < until);
            (changes.map(|change| (change.timestamp(), change.offset().seconds())).collect(), zone)
        })
        .collect();
    assert!(changes.len() > 150, "{}", changes.len());
    for (changes, zone) in &changes {
        for (change, _) in changes {
            for minutes in [-1_440, -30, -1, 0, 29, 30, 60, 90] {
                let now = *change + SignedDuration::from_mins(minutes);
                for hours in &sets {
                    holds(hours, zone, now).unwrap();
                }
            }
        }
    }
}

/// Windows that leave at least some of the week.
fn window_sets() -> impl Strategy<Value = QuietHours> {
    let minute = || (0..96u16).prop_map(|n| jiff::civil::time((n / 4) as i8, (n % 4 * 15) as i8, 0, 0));
    let days = prop::collection::btree_set(prop::sample::select(DayOfWeek::ALL.to_vec()), 0..4);
    let window = (minute(), minute(), days).prop_map(|(start, end, days)| QuietWindow {
        start,
        end,
        days: days.into_iter().collect(),
        dates: Vec::new(),
        calendar: None,
    });
    let sets = prop::collection::vec(window, 1..5).prop_map(hours);
    sets.prop_filter("they leave no time", |hours| !hours.are_endless())
}

fn instants() -> impl Strategy<Value = Timestamp> {
    // 2000 to 2035.
    (946_684_800i64..2_051_222_400).prop_map(|second| Timestamp::from_second(second).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_wait_ends_outside_of_every_window(
        hours in window_sets(),
        zone in prop::sample::select(zones()),
        now in instants(),
    ) {
        prop_assert_eq!(holds(&hours, &zone, now), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A run that is opened at any time sends its text outside of the windows, or says that it would be too late.
    #[test]
    fn what_waits_goes_on(
        hours in window_sets(),
        zone in prop::sample::select(zones()),
        now in instants(),
        not_after_days in 1u32..=7,
        most_hours in prop::option::of(1u32..100),
    ) {
        let mut people = audiences(&[1]);
        people[0].addressees[0].recipient.time_zone = zone.iana_name().map(str::to_owned);
        let quiet_hours = QuietHours { defer_at_most_s: most_hours.map(|hours| hours * 3_600), ..hours.clone() };
        let not_after_s = not_after_days * 24 * 3_600;
        let workflow = WorkflowDefinition { quiet_hours: Some(quiet_hours), not_after_s, ..reminder() };
        let event = domain::event::Event { time: Some(now), ..event() };
        let mut world = World::open_at(workflow, people, &event, now);
        for _ in 0..10 {
            if !world.requests.is_empty() || world.run.phase() != RunPhase::Active {
                break;
            }
            world.now = world.next_due().unwrap().max(world.now);
            world.look().take_commands();
        }
        if world.requests.is_empty() {
            prop_assert!(world.run.phase() != RunPhase::Active, "it stands still");
            let rules = world.entries(|what| {
                let TimelineEvent::Decided(decision) = what else { return false };
                matches!(decision.rule, Rule::QuietPastDeadline | Rule::QuietDropped)
            });
            prop_assert_eq!(rules.len(), 1);
        } else {
            prop_assert!(!clock_is_within(&hours.windows, &zone, world.now), "sent at {}", world.now);
            let waited = world.now.duration_since(now);
            prop_assert!(most_hours.is_none_or(|most| waited <= SignedDuration::from_hours(most.into())), "{waited}");
        }
    }
}

/// It is quiet from 11 to 13 o'clock, and so for another hour.
fn waits_at_most(most_s: u32, then: AfterWait, workflow: WorkflowDefinition) -> WorkflowDefinition {
    let hours = QuietHours::daily("11:00".parse().unwrap(), "13:00".parse().unwrap(), "UTC");
    WorkflowDefinition {
        quiet_hours: Some(QuietHours { defer_at_most_s: Some(most_s), then, ..hours }),
        ..workflow
    }
}

#[test]
fn a_text_that_would_wait_for_too_long_is_dropped_and_the_run_ends_by_that() {
    let world = World::open(waits_at_most(3_600, AfterWait::Drop, paging()), audiences(&[1, 1]));
    world.is(RunPhase::Active, 0, &["queued"]);
    let world = World::open(waits_at_most(3_599, AfterWait::Drop, paging()), audiences(&[1, 1]));
    world.is(RunPhase::Suppressed, 0, &["suppressed"]);
    assert!(world.escalations().is_empty() && world.log.outcomes[0].ticket.is_none());
}

#[test]
fn a_run_goes_on_without_a_text_that_would_wait_for_too_long() {
    let mut people = audiences(&[1, 1]);
    people[1].addressees[0].recipient.time_zone = Some("America/New_York".into());
    let world = World::open(waits_at_most(3_599, AfterWait::Escalate, paging()), people);
    world.is(RunPhase::Active, 1, &["suppressed", "dispatching"]);
    // Nobody else: a ticket says so, also where no acknowledgement is waited for.
    for workflow in [reminder(), paging(), definition(vec![step(None, None); 2])] {
        let world = World::open(waits_at_most(3_599, AfterWait::Escalate, workflow), audiences(&[1, 1]));
        assert_eq!(world.run.phase(), RunPhase::Exhausted);
        assert_eq!(world.log.outcomes[0].ticket.as_deref(), Some("ops"));
    }
}

#[test]
fn another_hold_does_not_make_a_text_wait_for_longer_than_it_may() {
    // Quiet until 13 o'clock; then a limit holds it back, once until the evening, once into the next window.
    for (held_until, phase, text) in
        [(8 * 3_600, RunPhase::Active, "dispatching"), (23 * 3_600 + 1, RunPhase::Suppressed, "suppressed")]
    {
        let mut world = World::open(waits_at_most(2 * 3_600, AfterWait::Drop, reminder()), audiences(&[1]));
        assert_eq!(world.message(1).quiet_since(), Some(at(0)));
        world.hold = Some(Deferral { until: at(held_until), rule: Rule::RecipientRate, is_slot: false });
        world.at(3_600).look().take_commands().is(RunPhase::Active, 0, &["queued"]);
        world.hold = None;
        world.at(held_until).look().take_commands().look().is(phase, 0, &[text]);
    }
}

fn recipients_of(number: &str, time_zone: Option<&str>, target: &str) -> Vec<Audience> {
    let mut people = audiences(&[1]);
    let recipient = &mut people[0].addressees[0].recipient;
    recipient.number = number.parse().unwrap();
    recipient.time_zone = time_zone.map(str::to_owned);
    recipient.target = target.to_owned();
    people
}

/// What the one decision of a run says it looked at: zone, source and window, or its rule.
fn decided(workflow: WorkflowDefinition, people: Vec<Audience>) -> String {
    let world = World::open(workflow, people);
    let decision = world.log.timeline.iter().find_map(|entry| match &entry.what {
        TimelineEvent::Decided(decision) => Some(decision.clone()),
        _ => None,
    });
    let decision = decision.unwrap();
    let input = |name: &str| decision.inputs.get(name).map_or("-", String::as_str);
    format!("{} {} {} {}", decision.rule.id(), input("time_zone"), input("time_zone_from"), input("window"))
}

#[test]
fn the_zone_is_the_contact_s_else_the_event_s_else_the_number_s_else_as_configured() {
    // Noon in UTC.
    let quiet = |time_zone: Option<&str>| {
        let hours = QuietHours::daily("00:00".parse().unwrap(), "23:00".parse().unwrap(), "");
        WorkflowDefinition {
            quiet_hours: Some(QuietHours { time_zone: time_zone.map(str::to_owned), ..hours }),
            ..reminder()
        }
    };
    let check = |number: &str, named: Option<&str>, target: &str, default: Option<&str>, says: &str| {
        assert_eq!(decided(quiet(default), recipients_of(number, named, target)), says);
    };
    let (here, nowhere) = ("+4915112345678", "+88212345678");
    check(
        here,
        Some("Asia/Tokyo"),
        "contact:ada",
        Some("UTC"),
        "quiet_hours.active Asia/Tokyo contact 00:00-23:00",
    );
    check(
        here,
        Some("Asia/Tokyo"),
        "field:phone",
        Some("UTC"),
        "quiet_hours.active Asia/Tokyo event 00:00-23:00",
    );
    check(here, None, "field:phone", Some("UTC"), "quiet_hours.active Europe/Berlin number 00:00-23:00");
    check(
        here,
        Some("Mars/Base"),
        "field:phone",
        Some("UTC"),
        "quiet_hours.active Europe/Berlin number 00:00-23:00",
    );
    check(nowhere, None, "field:phone", Some("UTC"), "quiet_hours.active UTC default 00:00-23:00");
    // Where it is not quiet, the verdict says so too: in New York it is 7 o'clock.
    let hours = QuietHours::daily("08:00".parse().unwrap(), "23:00".parse().unwrap(), "UTC");
    let late = WorkflowDefinition { quiet_hours: Some(hours), ..reminder() };
    let american = recipients_of("+12125550123", None, "field:phone");
    assert_eq!(decided(late, american), "policy.passed America/New_York number -");
    check(nowhere, None, "field:phone", None, "quiet_hours.zone_unknown unknown - -");
}
