//! The role over an embedded backend and destinations that do as they are told.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod harness;
mod worker;
