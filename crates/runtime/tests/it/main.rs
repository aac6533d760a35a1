//! The run service on an embedded store and bus, with a clock that is set by hand.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod calendars;
mod changing;
mod dead_letters;
mod harness;
mod opening;
mod repeats;
mod routes;
mod sending;
