//! The callback receiver's router on an embedded store, with Twilio's webhooks.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod harness;
mod link;
mod replies;
mod statuses;
