//! Which timer slots have a timer already.
//!
//! In: due rows that were stored, and takes of due rows. Out: the slots that need a timer.
//! Never: durable. Timers of the embedded bus live in memory as well, so both are lost together, and both are made
//! again from the due rows when the database is opened. A mark is cleared when a take passes its slot.

use std::{collections::BTreeMap, sync::Mutex};

use domain::id::{RunId, SHARDS};
use jiff::Timestamp;
use ports::TimerSlot;

use crate::locked::locked;

// One bit per shard.
const _: () = assert!(SHARDS as u32 <= u64::BITS);

/// For each time the shards that have a timer.
#[derive(Default)]
pub(crate) struct TimerSlots(Mutex<BTreeMap<Timestamp, u64>>);

impl TimerSlots {
    /// Marks the slot of a due row. Returns it if it had no mark.
    pub(crate) fn mark(&self, run: &RunId, due: Timestamp) -> Option<TimerSlot> {
        let slot = TimerSlot::of(run, due);
        let mut marks = locked(&self.0);
        let shards = marks.entry(slot.at()).or_default();
        let bit = 1 << u32::from(slot.shard());
        let is_new = *shards & bit == 0;
        *shards |= bit;
        is_new.then_some(slot)
    }

    /// Clears the slots that have fired by `now`.
    pub(crate) fn clear(&self, now: Timestamp) {
        let mut marks = locked(&self.0);
        while let Some(passed) = marks.first_entry().filter(|slots| *slots.key() <= now) {
            passed.remove();
        }
    }
}
