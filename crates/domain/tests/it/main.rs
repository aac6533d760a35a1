//! Runs and messages seen from outside, as the shells drive them. In: fixed times and drawn ones. Out: facts.
//!
//! Never: looks into a transition; what counts is the state that is stored and the effects that are asked for.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot be set up, or meets what it does not expect, fails"
)]

mod adapters;
mod agents;
mod decisions;
mod draw;
mod effects;
mod escalation;
mod follow_up;
mod grouping;
mod message_table;
mod properties;
mod quiet_hours;
mod replay;
mod run_table;
mod scenarios;
mod sending;
mod show;
mod stored;
mod world;
