//! The bus on a real broker: the contract, and the traps that brokers and clients have shown.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests: a surprise is a failure")]

mod contract;
mod delays;
mod greetings;
mod outages;
mod poison;
mod producers;
mod setup;
mod topology;
