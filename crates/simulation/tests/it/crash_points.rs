//! Every place at which the dispatch protocol can be interrupted, one test each, numbered as in the design's list.
//!
//! In: one note and a death at one point. Out: one text, one ended run, audit counts that balance.
//! Never: a test whose death did not happen.

use domain::{message::MessagePhase, run::RunPhase};
use simulation::{Fault, Point, Report, Script, Side, run_all_clear, run_script};

/// Plays a script, and expects that every death and every fault in it happened.
#[track_caller]
fn play(script: &Script) -> Report {
    play_in(run_script, script)
}

#[track_caller]
fn play_in(scenario: fn(&Script) -> Result<Report, String>, script: &Script) -> Report {
    let report = scenario(script).unwrap_or_else(|fault| panic!("{fault}"));
    let deaths = script.deaths.len() as u64;
    let died = report.fired.get(&Fault::CrashBefore).unwrap_or(&0)
        + report.fired.get(&Fault::CrashAfter).unwrap_or(&0);
    assert_eq!(died, deaths, "a death did not happen:\n{}", report.log.join("\n"));
    for fault in script.always.iter().chain(&script.first) {
        assert!(report.fired.contains_key(fault), "{fault:?} did not happen:\n{}", report.log.join("\n"));
    }
    report
}

/// Plays a script, and expects one text and one completed run.
#[track_caller]
fn check(script: &Script) -> Report {
    let report = play(script);
    assert_eq!(report.taken.len(), 1, "one text:\n{}", report.log.join("\n"));
    let [run] = &report.runs[..] else { panic!("one run:\n{}", report.log.join("\n")) };
    assert_eq!(run.phase(), RunPhase::Completed, "{}", report.log.join("\n"));
    report
}

fn dies(point: Point, side: Side, nth: u32) -> Script {
    Script { deaths: vec![(point, side, nth)], ..Script::default() }
}

fn sids(report: &Report) -> usize {
    let messages = report.runs.iter().flat_map(|run| run.messages());
    messages.filter(|message| matches!(message.phase(), MessagePhase::Submitted { .. })).count()
}

/// An event whose acceptance was not confirmed is published again. Points 1 to 4 are tested with the real ingestion and
/// the real list of accepted events in `store-redis`; here the second copy meets a sender that dies over the first.
#[test]
fn an_event_that_is_published_again_texts_once() {
    check(&Script { published_twice: true, ..Script::default() });
    for (point, side) in
        [(Point::OpenRun, Side::After), (Point::Answer, Side::Before), (Point::Submit, Side::Before)]
    {
        check(&Script { published_twice: true, ..dies(point, side, 1) });
    }
}

/// Every wake-up is lost: due rows are found by the sweep.
#[test]
fn crash_point_05_the_broker_loses_its_wake_ups() {
    let (always, first) = (vec![Fault::WakeUpLost], vec![Fault::TooManyRequests]);
    check(&Script { always, first, ..Script::default() });
}

#[test]
fn crash_point_06_delivered_before_the_intent_is_stored() {
    check(&dies(Point::OpenRun, Side::Before, 1));
}

/// The claim lapses, the provider knows nothing, and it is sent again.
#[test]
fn crash_point_07_intent_stored_before_a_byte_left() {
    check(&dies(Point::OpenRun, Side::After, 1));
    check(&dies(Point::Submit, Side::Before, 1));
}

/// The provider has the text, and its answer is lost.
#[test]
fn crash_point_08_bytes_left_before_an_answer_came() {
    let lost = Script { always: vec![Fault::AnswerLost], ..Script::default() };
    check(&lost);
    let without_callbacks =
        Script { always: vec![Fault::AnswerLost, Fault::CallbackLost], ..Script::default() };
    assert_eq!(sids(&check(&without_callbacks)), 1, "the list of the provider names it");
}

#[test]
fn crash_point_09_answer_read_before_it_is_stored() {
    check(&dies(Point::Submit, Side::After, 1));
    let script = Script { always: vec![Fault::CallbackLost], ..dies(Point::ChangeRun, Side::Before, 1) };
    assert_eq!(sids(&check(&script)), 1);
}

#[test]
fn crash_point_10_stored_before_it_is_answered() {
    check(&dies(Point::ChangeRun, Side::After, 1));
    check(&dies(Point::Answer, Side::Before, 1));
}

#[test]
fn crash_point_11_answered_and_the_answer_is_lost() {
    check(&dies(Point::Answer, Side::After, 1));
}

#[test]
fn crash_point_12_the_callback_comes_before_our_own_answer_is_stored() {
    check(&Script { always: vec![Fault::CallbackEarly, Fault::AnswerLost], ..Script::default() });
    check(&Script { always: vec![Fault::CallbackEarly], ..dies(Point::Submit, Side::After, 1) });
}

/// A receiver that dies has not answered: the provider posts again, and if it does not, it is asked.
#[test]
fn crash_point_13_a_callback_received_and_its_receiver_dies() {
    // The answer of the sender is the first change; the second is a callback's.
    check(&dies(Point::ChangeRun, Side::Before, 2));
    check(&Script { always: vec![Fault::CallbackLost], ..Script::default() });
}

#[test]
fn crash_point_14_a_retry_is_stored_before_its_wake_up_is_published() {
    // The refusal of the first attempt is the first change; what follows it is a timer for the retry.
    let script = Script { first: vec![Fault::TooManyRequests], ..dies(Point::Timer, Side::Before, 1) };
    let report = check(&script);
    assert!(report.runs[0].messages()[0].attempt() > 1);
}

#[test]
fn crash_point_15_a_wake_up_is_published_before_the_original_is_answered() {
    let script = Script {
        first: vec![Fault::TooManyRequests],
        always: vec![Fault::WakeUpDoubled],
        ..dies(Point::Answer, Side::Before, 1)
    };
    check(&script);
}

/// A worker that is paused past its lease comes back: the worker that found the lapsed claim has only asked the provider.
#[test]
fn crash_point_16_a_worker_is_paused_past_its_lease() {
    check(&Script { first: vec![Fault::Paused], ..Script::default() });
}

/// The store lost the run, and the broker marks the event as redelivered: the provider is asked before it is sent.
#[test]
fn crash_point_17_the_store_lost_the_intent() {
    let report = check(&Script { loses_runs: true, ..dies(Point::Answer, Side::Before, 1) });
    let attempt = report.runs[0].messages()[0].attempt();
    assert_eq!(attempt, 0, "nothing was sent for the run that was opened again; its text was found");
}

/// An event that cannot be processed is dead-lettered twice under one id.
#[test]
fn crash_point_18_a_dead_letter_is_kept_before_the_answer() {
    let report = play(&Script { is_poison: true, ..dies(Point::Answer, Side::Before, 1) });
    assert_eq!((report.letters, report.taken.len()), (1, 0), "{}", report.log.join("\n"));
}

/// A replay raises the epoch once: the second replay changes nothing.
#[test]
fn crash_point_19_a_replay_is_asked_for_twice() {
    let report = play(&Script { is_replayed: true, ..Script::default() });
    assert_eq!((report.letters, report.taken.len()), (0, 1), "{}", report.log.join("\n"));
    assert_eq!(report.runs[0].phase(), RunPhase::Completed);
}

/// One event resolves two runs that paged one phone. Its all-clear is the third run that is opened; the fourth opening
/// is that of the second run's all-clear, which is the same.
#[test]
fn crash_point_20_an_all_clear_is_stored_before_its_run_ends() {
    let deaths = [(Side::Before, 3), (Side::After, 3), (Side::Before, 4), (Side::After, 4)];
    let scripts = deaths.map(|(side, nth)| dies(Point::OpenRun, side, nth));
    for script in [Script::default()].iter().chain(&scripts) {
        let report = play_in(|script| run_all_clear(script, 1), script);
        let log = report.log.join("\n");
        let said = report.taken.iter().map(|text| text.submission.body.0.as_ref());
        assert_eq!(said.filter(|text| *text == "Resolved: db-1.").count(), 1, "one all-clear:\n{log}");
        assert_eq!(report.taken.len(), 3, "two pages before it:\n{log}");
        let resolved = report.runs.iter().filter(|run| run.phase() == RunPhase::Resolved).count();
        assert_eq!(resolved, 2, "{log}");
    }
}

/// Five monitors say at one moment that it is over.
#[test]
fn several_resolving_events_at_one_moment_tell_a_phone_once() {
    let script = Script { always: vec![Fault::Slow], ..Script::default() };
    let report = play_in(|script| run_all_clear(script, 5), &script);
    let log = report.log.join("\n");
    let said = report.taken.iter().filter(|text| &*text.submission.body.0 == "Resolved: db-1.");
    assert_eq!(said.count(), 1, "{log}");
    let resolved = report.runs.iter().filter(|run| run.phase() == RunPhase::Resolved).count();
    assert_eq!(resolved, 2, "{log}");
}
