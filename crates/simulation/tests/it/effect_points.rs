//! Every place at which the effect protocol can be interrupted, one test each.
//!
//! In: one page that ends in a ticket, and a death at one point. Out: one ticket, which its run names; both events told.
//! Never: a test whose death did not happen.

use domain::effect::OutcomeKind;
use simulation::{Fault, Point, Script, Side, run_tickets};

/// Changes of the run: each of two texts claimed, but for the first, and refused, the step between them, the end, the ticket.
const CHANGES: u32 = 6;

/// Plays a script, and expects that every death and every fault in it happened, and that both events were told.
#[track_caller]
fn check(script: &Script) {
    let ticketed = run_tickets(script).unwrap_or_else(|fault| panic!("{fault}"));
    let log = ticketed.report.log.join("\n");
    let fired = |fault| ticketed.report.fired.get(&fault).copied().unwrap_or(0);
    let died = fired(Fault::CrashBefore) + fired(Fault::CrashAfter);
    assert_eq!(died, script.deaths.len() as u64, "a death did not happen:\n{log}");
    for fault in script.always.iter().chain(&script.first) {
        assert!(fired(*fault) > 0, "{fault:?} did not happen:\n{log}");
    }
    assert_eq!(ticketed.told, [OutcomeKind::RunExhausted, OutcomeKind::TicketOpened], "{log}");
}

/// A process dies here, whichever time the point is reached: at the desk or at the watcher.
#[track_caller]
fn dies_at(point: Point, side: Side, times: u32) {
    for nth in 1..=times {
        check(&Script { deaths: vec![(point, side, nth)], ..Script::default() });
    }
}

#[test]
fn without_a_fault_there_is_one_ticket() {
    check(&Script::default());
}

/// The run is not exhausted then, and is when its due row is found.
#[test]
fn effect_point_1_before_the_outcome_is_stored_with_its_effects() {
    dies_at(Point::ChangeRun, Side::Before, CHANGES);
}

/// The row is there; nothing but the store says so, for effects have no wake-up.
#[test]
fn effect_point_2_the_outcome_is_stored_and_nobody_is_woken() {
    dies_at(Point::ChangeRun, Side::After, CHANGES);
    check(&Script { always: vec![Fault::WakeUpLost], ..Script::default() });
}

#[test]
fn effect_point_3_before_an_effect_is_taken() {
    dies_at(Point::TakeEffects, Side::Before, 3);
}

/// It comes back when the lease ends, and whoever takes it looks for a ticket first.
#[test]
fn effect_point_4_taken_before_a_request_is_made() {
    dies_at(Point::TakeEffects, Side::After, 3);
    dies_at(Point::Request, Side::Before, 3);
}

#[test]
fn effect_point_5_the_destination_did_it_before_its_answer_is_read() {
    dies_at(Point::Request, Side::After, 3);
}

/// The answer is lost: the ticket is there, and is found.
#[test]
fn effect_point_6_before_and_after_a_failed_request_is_put_off() {
    check(&Script { first: vec![Fault::AnswerLost], ..Script::default() });
    for side in [Side::Before, Side::After] {
        let deaths = vec![(Point::PostponeEffect, side, 1)];
        check(&Script { first: vec![Fault::AnswerLost], deaths, ..Script::default() });
    }
}

/// The last change of the run is its ticket.
#[test]
fn effect_point_7_before_and_after_the_ticket_is_in_its_run() {
    for side in [Side::Before, Side::After] {
        check(&Script { deaths: vec![(Point::ChangeRun, side, CHANGES)], ..Script::default() });
    }
}

#[test]
fn effect_point_8_the_ticket_is_in_its_run_before_the_effect_ends() {
    dies_at(Point::EndEffect, Side::Before, 3);
}

#[test]
fn effect_point_9_the_effect_ended_and_its_worker_dies() {
    dies_at(Point::EndEffect, Side::After, 3);
}
