//! The binary as its users meet it: `callout serve` as a process of its own, against a simulator in this one.

mod bad_input;
mod command_line;
mod crash;
mod delivery;
mod harness;
mod replies;
