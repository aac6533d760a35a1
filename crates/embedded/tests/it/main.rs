//! The embedded backend keeps both contracts, and its own promises beside them.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests: a surprise is a failure")]

mod contract;
mod crash;
mod disk_full;
mod opening;
mod restart;
mod setup;
