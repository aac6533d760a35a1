//! The fleet under one seed, the contract of its fakes, and every crash point of the dispatch protocol.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests: a surprise is a failure")]

mod contract;
mod crash_points;
mod seeds;
