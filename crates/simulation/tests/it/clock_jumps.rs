//! The machines' clock is set, by an hour or a day, forward and back.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use simulation::{escalation_after_a_jump, escalation_over_a_jump, run_clock_jumps};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[test]
fn c4_a_clock_that_is_set_loses_and_doubles_nothing() {
    for jumps in [vec![HOUR, -HOUR], vec![-HOUR, HOUR], vec![-HOUR], vec![DAY], vec![-DAY, DAY]] {
        let report = run_clock_jumps(&jumps).unwrap_or_else(|fault| panic!("{jumps:?}: {fault}"));
        let mut texts = BTreeMap::new();
        for text in &report.taken {
            *texts.entry(&text.submission.message).or_insert(0) += 1;
        }
        assert!(texts.values().all(|count| *count == 1), "{jumps:?}: {texts:?}\n{}", report.log.join("\n"));
        for run in &report.runs {
            let first =
                run.messages().iter().any(|message| texts.contains_key(&run.message_id(message.number())));
            assert!(first, "{jumps:?}: run {} sent nothing\n{}", run.id(), report.log.join("\n"));
        }
    }
}

#[test]
fn c4_a_deadline_that_the_clock_was_set_past_is_met_at_once() {
    let late = escalation_over_a_jump(HOUR).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(late <= SignedDuration::from_secs(1), "after {late}");
}

/// A wait that had begun is no longer than it was: it would end when the clock has made up for the jump.
#[test]
fn c4_a_clock_that_was_set_back_delays_no_later_page() {
    for jump in [-HOUR, -DAY] {
        let second = escalation_after_a_jump(jump).unwrap_or_else(|fault| panic!("{jump}: {fault}"));
        let (deadline, most) = (SignedDuration::from_secs(300), SignedDuration::from_secs(320));
        assert!(second >= deadline && second <= most, "{jump}: after {second}");
    }
}
