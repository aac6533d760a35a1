//! The cases of the `Store` contract, by concept. In: a fresh, empty store. Out: a panic where it breaks its contract.
//!
//! Never: two cases that need each other.

pub mod alarms;
pub mod changing;
pub mod consent;
pub mod dead_letters;
pub mod due;
pub mod forgetting;
pub mod listing;
pub mod opening;
pub mod outcomes;
pub mod overrides;
pub mod pacing;
pub mod replies;
pub mod resolving;
pub mod sums;
