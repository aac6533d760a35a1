//! The simulator as its clients see it: over HTTP, from the phones' side, and through signed webhooks.
//!
//! In: requests and replies. Out: facts. Never: sleeps, or reaches beyond this machine.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod api;
mod callbacks;
mod control;
mod faults;
mod harness;
mod inbound;
mod reporting;
mod sdk;
