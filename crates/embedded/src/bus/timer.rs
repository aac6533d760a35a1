//! What waits for a time: deliveries that are retried later, and timers.
//!
//! In: items and slots with a time. Out: those that are due. Never: gives one out early, or holds the body of an event.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ports::{BusError, Queue, TimerSlot};

use super::work_queue::Item;

/// Most timers that may run at once. The sweep finds due rows without one.
const TIMERS_MAX: usize = 1_000_000;

/// What waits for a time.
#[derive(Default)]
pub(super) struct Timers {
    items: BTreeMap<Timestamp, Vec<(Queue, Item)>>,
    /// A slot that is started twice fires once.
    timers: BTreeSet<TimerSlot>,
    closed: bool,
}

impl Timers {
    pub(super) fn add(&mut self, at: Timestamp, queue: Queue, item: Item) {
        self.items.entry(at).or_default().push((queue, item));
    }

    pub(super) fn start(&mut self, slot: TimerSlot) -> Result<(), BusError> {
        if self.timers.len() >= TIMERS_MAX {
            return Err(BusError::Full(format!("{TIMERS_MAX} timers run already")));
        }
        self.timers.insert(slot);
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What has come due, and when the next does.
    pub(super) fn take(&mut self, now: Timestamp) -> Due {
        let mut due = Due { items: Vec::new(), timers: Vec::new(), next: None };
        while let Some(entry) = self.items.first_entry().filter(|entry| *entry.key() <= now) {
            due.items.extend(entry.remove());
        }
        while self.timers.first().is_some_and(|slot| slot.at() <= now) {
            due.timers.extend(self.timers.pop_first());
        }
        let first_item = self.items.keys().next().copied();
        let first_timer = self.timers.first().map(|slot| slot.at());
        due.next = first_item.into_iter().chain(first_timer).min();
        due
    }
}

/// What has come due.
pub(super) struct Due {
    pub(super) items: Vec<(Queue, Item)>,
    pub(super) timers: Vec<TimerSlot>,
    /// When the next item or timer is due.
    pub(super) next: Option<Timestamp>,
}
