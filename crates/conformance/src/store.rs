//! The cases of the `Store` contract, by concept. In: a fresh, empty store. Out: a panic where it breaks its contract.
//!
//! Never: two cases that need each other.

pub mod answers;
pub mod approvals;
pub mod audit_counts;
pub mod calendars;
pub mod changing;
pub mod consent;
pub mod dead_letters;
pub mod due;
pub mod effects;
pub mod groups;
pub mod listing;
pub mod opening;
pub mod outcome_log;
pub mod outcomes;
pub mod overrides;
pub mod preflight;
pub mod purging;
pub mod rate_limits;
pub mod receipts;
pub mod replies;
pub mod resolving;
pub mod sending;
pub mod silences;
pub mod status;
pub mod timers;
pub mod tokens;
