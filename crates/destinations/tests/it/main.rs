//! Clients against a server of HTTP. In: effects. Out: what the server was sent, and what its answers mean.
//!
//! Never: a network beyond this machine.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod answers;
mod server;
mod services;
