//! The client against the simulator, and against servers that no simulator would be. In: nothing. Out: facts.
//!
//! Never: reaches beyond this machine.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot be set up, or meets what it does not expect, fails"
)]

mod account;
mod doubt;
mod harness;
mod looking;
mod odd_servers;
mod private_ca;
mod published;
mod sending;
