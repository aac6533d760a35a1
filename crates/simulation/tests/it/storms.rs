//! Many events of one group: few texts, everybody is told of everything, whatever dies meanwhile.

use domain::{message::MessagePhase, run::RunPhase};
use simulation::{Fault, Point, Report, Script, Side, Storm, run_storm};

/// How many seeds are played.
const SEEDS: u64 = 60;

fn storm(events: u64) -> Storm {
    Storm { events, every_ms: 500, ..Storm::default() }
}

#[track_caller]
fn play(storm: &Storm) -> Report {
    run_storm(storm).unwrap_or_else(|fault| panic!("{fault}"))
}

/// Two people get a first text at once and one digest of the rest; the second step is told in one more.
#[test]
fn a_storm_is_a_first_text_and_one_digest_a_person() {
    let report = play(&storm(20));
    let texts: Vec<String> = report.taken.iter().map(|text| text.submission.body.0.to_string()).collect();
    let digests = report.digests();
    let of_step_1: Vec<_> =
        digests.iter().filter(|text| text.submission.body.0.starts_with("+19 more: s-1, s-2")).collect();
    assert_eq!(of_step_1.len(), 2, "{texts:#?}");
    assert!(report.taken.len() < 10, "{texts:#?}");
    assert!(texts.iter().all(|text| text.len() <= 160), "{texts:#?}");
}

#[test]
fn the_code_of_a_digest_acknowledges_exactly_what_it_tells_of() {
    for word in ["ALL ", "", "ok all "] {
        let report = play(&Storm { answer: Some(word), ..storm(8) });
        let acknowledged = report.in_phase(RunPhase::Acknowledged);
        assert_eq!(acknowledged.len(), 7, "{word:?}\n{}", report.log.join("\n"));
        // The first had a text and a code of its own.
        assert_eq!(report.in_phase(RunPhase::Exhausted).len(), 1, "{}", report.log.join("\n"));
    }
}

#[test]
fn what_is_resolved_meanwhile_is_left_out_and_of_nothing_there_is_no_text() {
    let report = play(&Storm { resolved: 3, ..storm(6) });
    assert!(
        report.digests()[0].submission.body.0.starts_with("+2 more: s-4, s-5."),
        "{:?}",
        report.digests()
    );
    let report = play(&Storm { resolved: 5, ..storm(6) });
    assert!(report.digests().is_empty());
    assert_eq!(report.in_phase(RunPhase::Resolved).len(), 5);
}

/// A storm that is over is told of in few texts as well: the first at once, the others in one digest.
#[test]
fn a_storm_that_is_over_is_a_first_text_and_one_digest_a_person() {
    let storm = Storm { resolved: 19, all_clear: true, ..storm(20) };
    let over = |report: &Report| {
        let texts = report.taken.iter().map(|text| text.submission.body.0.to_string());
        texts.filter(|text| text.to_lowercase().contains("resolved")).collect::<Vec<_>>()
    };
    let report = play(&storm);
    let texts = over(&report);
    assert_eq!(texts.iter().filter(|text| *text == "Resolved: s-1.").count(), 2, "{texts:#?}");
    let digests: Vec<_> = texts.iter().filter(|text| text.starts_with("+18 resolved: s-2, s-3, ")).collect();
    assert_eq!((texts.len(), digests.len()), (4, 2), "{texts:#?}");
    assert_eq!(report.in_phase(RunPhase::Resolved).len(), 19);
    for point in [Point::KeepGroup, Point::OpenRun, Point::ChangeRun] {
        for nth in 40..=44 {
            let script = Script { deaths: vec![(point, Side::After, nth)], ..Script::default() };
            play(&Storm { script, ..storm.clone() });
        }
    }
}

/// A process dies at each write of a group and of a run, before it and after it.
#[test]
fn whatever_dies_in_a_storm_everything_is_told_once() {
    let mut died = 0;
    for point in [Point::KeepGroup, Point::OpenRun, Point::ChangeRun, Point::Submit, Point::Answer] {
        for side in [Side::Before, Side::After] {
            for nth in 1..=16 {
                let script = Script { deaths: vec![(point, side, nth)], ..Script::default() };
                let report = play(&Storm { script, ..storm(5) });
                died += report.fired.get(&Fault::CrashBefore).unwrap_or(&0);
                died += report.fired.get(&Fault::CrashAfter).unwrap_or(&0);
            }
        }
    }
    assert!(died >= 100, "{died} died");
}

/// The runs that a digest tells of look at it before they go on, whether somebody woke them or not.
#[test]
fn a_reply_to_a_digest_is_taken_although_every_wake_up_is_lost() {
    let report = play(&Storm { loses_wake_ups: true, answer: Some("ALL "), ..storm(6) });
    assert!(report.fired.contains_key(&Fault::WakeUpLost));
    assert_eq!(report.in_phase(RunPhase::Acknowledged).len(), 5, "{}", report.log.join("\n"));
}

/// A digest that cannot be sent lets each run go on to its next step, as a text that cannot be sent does.
#[test]
fn a_digest_that_dies_lets_its_runs_go_on() {
    let script = Script { always: vec![Fault::Refused], ..Script::default() };
    let report = play(&Storm { script, ..storm(5) });
    assert_eq!(report.in_phase(RunPhase::Exhausted).len(), 5);
}

#[test]
fn a_storm_under_faults_is_told_once_whatever_the_seed() {
    for seed in 0..SEEDS {
        let storm =
            Storm { seed: Some(seed), answer: (seed % 3 == 0).then_some("ALL "), ..storm(4 + seed % 9) };
        run_storm(&storm).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
    }
}

/// A subject that opens and resolves again and again is paged for at first, and then told of in digests.
#[test]
fn a_flapping_subject_joins_the_digest() {
    let storm = Storm { flaps: true, every_ms: 61_000, ..storm(6) };
    let report = play(&storm);
    let flapping = report
        .runs
        .iter()
        .filter(|run| run.messages().iter().any(|one| matches!(one.phase(), MessagePhase::Cancelled)));
    // Each of them was resolved before the end of its window, so that nobody was texted about it.
    assert!(flapping.count() >= 3, "{}", report.log.join("\n"));
    let ungrouped = play(&Storm { ungrouped: true, ..storm });
    assert!(ungrouped.taken.len() > report.taken.len());
}
