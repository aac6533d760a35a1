//! Waiting for a time: deliveries that come back later, and alarms.
//!
//! In: items and slots with a time. Out: items in their queues, once the clock says so.
//! Never: rings early, or holds the body of an event that waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use ports::{BusError, Queue, Slot};

use super::{Core, work_queue::Item};
use crate::locked;

/// Most alarms that may be raised at once. Due rows without one are found by the sweep.
const ALARMS_MAX: usize = 1_000_000;

/// What waits for a time.
#[derive(Default)]
pub(super) struct Timers {
    items: BTreeMap<Timestamp, Vec<(Queue, Item)>>,
    /// By second, then shard: a slot that is raised twice rings once.
    alarms: BTreeSet<(i64, u8)>,
    closed: bool,
}

impl Timers {
    pub(super) fn add(&mut self, at: Timestamp, queue: Queue, item: Item) {
        self.items.entry(at).or_default().push((queue, item));
    }

    pub(super) fn add_alarm(&mut self, slot: Slot) -> Result<(), BusError> {
        if self.alarms.len() >= ALARMS_MAX {
            return Err(BusError::Full(format!("{ALARMS_MAX} alarms are raised already")));
        }
        self.alarms.insert((slot.second, slot.shard));
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// What has come due, and when the next does.
    fn take(&mut self, now: Timestamp) -> Due {
        let mut due = Due { items: Vec::new(), alarms: Vec::new(), next: None };
        while let Some(entry) = self.items.first_entry().filter(|entry| *entry.key() <= now) {
            due.items.extend(entry.remove());
        }
        while let Some((second, shard)) = self.alarms.first().copied() {
            let slot = Slot { shard, second };
            if slot.at() > now {
                break;
            }
            self.alarms.pop_first();
            due.alarms.push(slot);
        }
        let first_item = self.items.keys().next().copied();
        let first_alarm =
            self.alarms.first().map(|(second, shard)| Slot { shard: *shard, second: *second }.at());
        due.next = first_item.into_iter().chain(first_alarm).min();
        due
    }
}

struct Due {
    items: Vec<(Queue, Item)>,
    alarms: Vec<Slot>,
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
        due.alarms.into_iter().for_each(|slot| core.queue(Queue::Escalation).push_alarm(slot));
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
