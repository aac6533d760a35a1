//! The API over an embedded backend. In: requests as tools make them. Out: what they are answered, and what changed.
//!
//! Never: product code.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod access;
mod document;
mod events;
mod explain;
mod harness;
mod letters;
mod lost_answers;
mod policy;
mod runs;
mod stream;
