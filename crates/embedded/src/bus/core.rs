//! What the consumers, the ackers, the timers and the writer of the bus share.
//!
//! In: items for queues, slots for timers. Out: items in their queues at their time. Never: writes to the database.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
};

use domain::workflow::Lane;
use jiff::Timestamp;
use ports::{Clock, Queue, TimerSlot};
use sealing::Sealer;
use tokio::sync::Notify;

use super::{
    event_keys::{NextKey, Waiting},
    timer::Timers,
    work_queue::{Item, WorkQueue},
};
use crate::{locked::locked, readers::Readers, writer::WriterHandle};

/// The shared parts of the bus.
pub(crate) struct Core {
    pub(super) me: Weak<Core>,
    pub(super) writer: WriterHandle,
    pub(super) readers: Readers,
    pub(super) sealer: Sealer,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lanes: BTreeMap<String, Lane>,
    queues: [WorkQueue; Queue::ALL.len()],
    /// Each stream of a queue holds a clone; the count of clones is the count of consumers.
    consumers: [Arc<()>; Queue::ALL.len()],
    pub(super) next_keys: Mutex<[NextKey; Lane::ALL.len()]>,
    pub(super) timers: Mutex<Timers>,
    pub(super) timer_changed: Notify,
}

impl Core {
    /// Everything in `waiting` will be delivered as redelivered: an earlier process may have acted on it.
    pub(crate) fn start(
        writer: WriterHandle,
        readers: Readers,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        lanes: BTreeMap<String, Lane>,
        waiting: &[Waiting; Lane::ALL.len()],
    ) -> Arc<Self> {
        let core = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            writer,
            readers,
            sealer,
            clock,
            lanes,
            queues: Queue::ALL.map(|queue| match queue {
                Queue::Events(lane) => WorkQueue::of_events(lane, &waiting[lane as usize]),
                Queue::Send(_) | Queue::Escalation => WorkQueue::of_wake_ups(),
            }),
            consumers: Default::default(),
            next_keys: Mutex::new(waiting.map(|waiting| NextKey(waiting.last))),
            timers: Mutex::new(Timers::default()),
            timer_changed: Notify::new(),
        });
        tokio::spawn(core.clone().run_timers());
        core
    }

    /// Starts the timers of the runs that were due or waiting when the database was opened.
    pub(crate) fn start_timers(&self, slots: impl Iterator<Item = TimerSlot>) {
        let mut timers = locked(&self.timers);
        // The sweep finds due rows whose timer had no room.
        slots.map(|slot| timers.start(slot)).take_while(Result::is_ok).for_each(drop);
        drop(timers);
        self.timer_changed.notify_one();
    }

    /// Ends every stream. Unanswered events stay in the database.
    pub(crate) fn close(&self) {
        locked(&self.timers).close();
        self.timer_changed.notify_one();
        self.queues.iter().for_each(WorkQueue::close);
    }

    pub(super) fn queue(&self, queue: Queue) -> &WorkQueue {
        &self.queues[index(queue)]
    }

    /// Counts the streams that consume a queue.
    pub(super) fn consumers(&self, queue: Queue) -> u32 {
        Arc::strong_count(&self.consumers[index(queue)]) as u32 - 1
    }

    /// Counts one more stream for as long as the answer is kept.
    pub(super) fn count_consumer(&self, queue: Queue) -> Arc<()> {
        self.consumers[index(queue)].clone()
    }

    /// Puts an item into its queue, at the end.
    fn push(&self, queue: Queue, item: Item) {
        self.queue(queue).push_back(item);
    }

    /// Arranges for an item to be in its queue at `at`.
    pub(super) fn push_at(&self, at: Timestamp, queue: Queue, item: Item) {
        locked(&self.timers).add(at, queue, item);
        self.timer_changed.notify_one();
    }

    /// Moves what has come due to its queue, until the bus is closed.
    async fn run_timers(self: Arc<Self>) {
        loop {
            let due = {
                let mut timers = locked(&self.timers);
                if timers.is_closed() {
                    return;
                }
                timers.take(self.clock.now())
            };
            due.items.into_iter().for_each(|(queue, item)| self.push(queue, item));
            due.timers.into_iter().for_each(|slot| self.queue(Queue::Escalation).push_timer(slot));
            let changed = self.timer_changed.notified();
            match due.next {
                Some(at) => tokio::select! {
                    () = self.clock.sleep_until(at) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }
}

fn index(queue: Queue) -> usize {
    match queue {
        Queue::Events(lane) => lane as usize,
        Queue::Send(lane) => Lane::ALL.len() + lane as usize,
        Queue::Escalation => 2 * Lane::ALL.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_has_its_own_place() {
        assert_eq!(Queue::ALL.map(index), [0, 1, 2, 3, 4, 5, 6]);
    }
}
