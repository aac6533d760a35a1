//! Waiting for a time: deliveries that come back later, and alarms.
//!
//! In: items and slots with a time. Out: items in their queues, once the clock says so.
//! Never: rings early, or holds the body of an event that waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use ports::{BusError, Queue, TimerSlot};

use super::{Core, work_queue::Item};
use crate::locked;

/// Most alarms that may be raised at once. Due rows without one are found by the sweep.
const TIMERS_MAX: usize = 1_000_000;

/// What waits for a time.
#[derive(Default)]
pub(super) struct Timers {
    items: BTreeMap<Timestamp, Vec<(Queue, Item)>>,
    /// By second, then shard: a slot that is raised twice rings once.
    timers: BTreeSet<(i64, u8)>,
    closed: bool,
}

impl Timers {
    pub(super) fn add(&mut self, at: Timestamp, queue: Queue, item: Item) {
        self.items.entry(at).or_default().push((queue, item));
    }

    pub(super) fn add_alarm(&mut self, slot: TimerSlot) -> Result<(), BusError> {
        if self.timers.len() >= TIMERS_MAX {
            return Err(BusError::Full(format!("{TIMERS_MAX} timers are set already")));
        }
        self.timers.insert((slot.second, slot.shard));
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// What has come due, and when the next does.
    fn take(&mut self, now: Timestamp) -> Due {
        let mut due = Due { items: Vec::new(), timers: Vec::new(), next: None };
        while let Some(entry) = self.items.first_entry().filter(|entry| *entry.key() <= now) {
            due.items.extend(entry.remove());
        }
        while let Some((second, shard)) = self.timers.first().copied() {
            let slot = TimerSlot { shard, second };
            if slot.at() > now {
                break;
            }
            self.timers.pop_first();
            due.timers.push(slot);
        }
        let first_item = self.items.keys().next().copied();
        let first_alarm =
            self.timers.first().map(|(second, shard)| TimerSlot { shard: *shard, second: *second }.at());
        due.next = first_item.into_iter().chain(first_alarm).min();
        due
    }
}

struct Due {
    items: Vec<(Queue, Item)>,
    timers: Vec<TimerSlot>,
    next: Option<Timestamp>,
}

/// Moves what has come due to its queue, until the bus is closed.
pub(super) async fn run(core: Arc<Core>) {
    loop {
        let due = {
            let mut timers = locked(&core.timers);
            if timers.closed {
                return;
            }
            timers.take(core.clock.now())
        };
        due.items.into_iter().for_each(|(queue, item)| core.push(queue, item));
        due.timers.into_iter().for_each(|slot| core.queue(Queue::Escalation).push_timer(slot));
        let changed = core.timer_changed.notified();
        match due.next {
            Some(at) => tokio::select! {
                () = core.clock.sleep_until(at) => {}
                () = changed => {}
            },
            None => changed.await,
        }
    }
}
