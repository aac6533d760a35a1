//! Every place at which what an agent asks for can be interrupted: asking, deciding, doing, and noting what came of it.
//!
//! In: one wish, two people who agree at once, and a death at one point. Out: one page, after somebody agreed.
//! Never: a test whose death did not happen.

use simulation::{Fault, Point, Script, Side, run_approvals};

#[track_caller]
fn check(script: &Script) {
    let report = run_approvals(script).unwrap_or_else(|fault| panic!("{fault}"));
    let fired = |fault| report.fired.get(&fault).copied().unwrap_or(0);
    let died = fired(Fault::CrashBefore) + fired(Fault::CrashAfter);
    assert_eq!(died, script.deaths.len() as u64, "a death did not happen:\n{}", report.log.join("\n"));
}

#[test]
fn without_a_death_there_is_one_page_and_the_note_holds_the_next_step() {
    check(&Script::default());
}

/// The first is the wish, then the yes of one, and the result.
#[test]
fn a_process_dies_before_or_after_it_stores_the_wish_the_yes_or_the_result() {
    for side in [Side::Before, Side::After] {
        for nth in 1..=3 {
            check(&Script { deaths: vec![(Point::KeepApproval, side, nth)], ..Script::default() });
        }
    }
}

/// Both people's processes.
#[test]
fn both_who_agree_die() {
    for side in [Side::Before, Side::After] {
        let deaths = vec![(Point::KeepApproval, side, 2), (Point::KeepApproval, Side::Before, 3)];
        check(&Script { deaths, ..Script::default() });
    }
}

/// The run is changed by the sender, callbacks, the note and the next step.
#[test]
fn a_process_dies_over_the_run() {
    for side in [Side::Before, Side::After] {
        check(&Script { deaths: vec![(Point::OpenRun, side, 1)], ..Script::default() });
        for nth in 1..=5 {
            check(&Script { deaths: vec![(Point::ChangeRun, side, nth)], ..Script::default() });
        }
    }
}
