//! The Redis store keeps its contract on a real server, and its own promises beside it.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod cluster;
mod contract;
mod crash;
mod event_ledger;
mod memory;
mod opening;
mod outbox;
mod repeating;
mod setup;
