//! Clients against servers of HTTP and SMTP. In: effects. Out: what a server was sent, and what its answers mean.
//!
//! Never: a network beyond this machine.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

mod answers;
mod calendar;
mod chats;
mod mail;
mod mail_server;
mod published;
mod receiver;
mod server;
mod services;
mod tools;
mod trackers;
