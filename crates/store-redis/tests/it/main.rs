//! The Redis store on a real server: the contract, and what it promises beyond it.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests: a surprise is a failure")]

mod cluster;
mod contract;
mod crash;
mod damaged;
mod event_ledger;
mod grouped;
mod memory;
mod opening;
mod operator;
mod opt_out_race;
mod outbox;
mod readiness;
mod repeating;
mod sealing;
mod sentinel;
mod setup;
mod status;
mod wrong_server;
