//! The embedded backend: both contracts, and what it promises beyond them.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests: a surprise is a failure")]

mod contract;
mod crash;
mod damaged;
mod disk_full;
mod opening;
mod restart;
mod sealing;
mod setup;
