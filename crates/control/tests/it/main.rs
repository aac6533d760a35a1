//! What operators can do, on an embedded store and bus, with a clock that is set by hand.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod access;
mod approvals;
mod dead_letters;
mod harness;
mod personal;
mod raise;
mod runs;
mod status;
