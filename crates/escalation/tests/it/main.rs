//! The escalation worker on an embedded store and bus, with a clock that is set by hand.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod broker_dead_letters;
mod due_runs;
mod faulty_store;
mod harness;
mod worker;
