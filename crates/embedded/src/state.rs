//! What the store keeps in memory. In: commits. Out: answers without a read of the database.
//!
//! Never: something that could not be rebuilt from the database.

use std::sync::Mutex;

use sealing::Sealer;

use crate::{
    bloom_filter::BloomFilter, rate_limits::RateLimits, run_cache::RunCache, sealed_to::SealedTo,
    timer_slots::TimerSlots,
};

/// Shared by the writer's commands and the store's reads.
pub(crate) struct State {
    pub(crate) runs: RunCache,
    pub(crate) marks: TimerSlots,
    pub(crate) known_numbers: BloomFilter,
    /// Runs that are stored, or were, and the events that opened them.
    pub(crate) known_runs: BloomFilter,
    pub(crate) rate_limits: RateLimits,
    pub(crate) sealer: Sealer,
    /// How far what was stored before is sealed.
    pub(crate) sealed_to: Mutex<SealedTo>,
}
