//! [`Bus`] within one process: events wait in SQLite and are handed out from memory.
//!
//! In: events, wake-ups and alarms. Out: deliveries to the consumers of this process.
//! Never: writes down a wake-up or an alarm. The contract lets both be lost, the due rows repeat them, and a restart
//! makes the alarms again. An event is a row until it is answered, and handing it out writes nothing.

mod acker;
mod backlog;
mod events;
mod timer;
mod work_queue;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
};

use async_trait::async_trait;
use domain::{event::Event, source_quota::Quota, timeline::Command, workflow::Lane};
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::Timestamp;
use ports::{BrokerDeadLetter, Bus, BusError, Clock, Delivery, Notification, Payload, Queue, TimerSlot};
use tokio::sync::{Notify, Semaphore};

pub(crate) use self::backlog::{Waiting, count_waiting};
use self::{
    acker::EmbeddedAcker,
    events::{NextKey, Outgoing, Publish},
    timer::Timers,
    work_queue::{Content, Item, WorkQueue},
};
use crate::{fault::Fault, locked, readers::Readers, time::floor_ms, writer::WriterHandle};

/// The bus's half of the backend.
pub(crate) struct EmbeddedBus(pub(crate) Arc<Core>);

/// What consumers, receipts, the timer and the writer share.
pub(crate) struct Core {
    me: Weak<Core>,
    writer: WriterHandle,
    readers: Readers,
    clock: Arc<dyn Clock>,
    lanes: BTreeMap<String, Lane>,
    queues: [WorkQueue; Queue::ALL.len()],
    /// Each stream of a queue holds one more.
    consumers: [Arc<()>; Queue::ALL.len()],
    next_keys: Mutex<[NextKey; Lane::ALL.len()]>,
    timers: Mutex<Timers>,
    timer_changed: Notify,
}

impl Core {
    /// Everything in `waiting` will be delivered as redelivered: an earlier process may have acted on it.
    pub(crate) fn start(
        writer: WriterHandle,
        readers: Readers,
        clock: Arc<dyn Clock>,
        lanes: BTreeMap<String, Lane>,
        waiting: &[Waiting; Lane::ALL.len()],
    ) -> Arc<Self> {
        let core = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            writer,
            readers,
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
        tokio::spawn(timer::run(core.clone()));
        core
    }

    /// Raises alarms for what was due to be looked at when the database was opened.
    pub(crate) fn start_timers(&self, slots: impl Iterator<Item = TimerSlot>) {
        let mut timers = locked(&self.timers);
        // The sweep finds due rows whose alarm had no room.
        slots.map(|slot| timers.add_alarm(slot)).take_while(Result::is_ok).for_each(drop);
        drop(timers);
        self.timer_changed.notify_one();
    }

    /// Ends every stream. Unanswered events stay in the database.
    pub(crate) fn close(&self) {
        locked(&self.timers).close();
        self.timer_changed.notify_one();
        self.queues.iter().for_each(WorkQueue::close);
    }

    fn queue(&self, queue: Queue) -> &WorkQueue {
        &self.queues[index(queue)]
    }

    /// Puts an item into its queue, at the end.
    fn push(&self, queue: Queue, item: Item) {
        self.queue(queue).push_back(item);
    }

    /// Arranges for an item to be in its queue at `at`.
    fn push_at(&self, at: Timestamp, queue: Queue, item: Item) {
        locked(&self.timers).add(at, queue, item);
        self.timer_changed.notify_one();
    }

    /// The next piece of work of a queue. `None`: the bus is closed.
    async fn next(self: Arc<Self>, queue: Queue, prefetch: Arc<Semaphore>) -> Option<Delivery> {
        loop {
            let place = prefetch.clone().acquire_owned().await.ok()?;
            self.queue(queue).wait().await?;
            self.fetch_backlog(queue);
            let Some(item) = self.queue(queue).pop() else { continue };
            // From here on the receipt puts the item back if anything goes wrong or the consumer goes away.
            let acker = EmbeddedAcker::new(self.clone(), queue, &item, place);
            let Item { content, redelivered, published_ms } = item;
            let payload = match content {
                Content::Command(command) => Payload::Command(command),
                Content::Timer(slot) => Payload::Timer(slot),
                Content::Event { body: Some(body), .. } => Payload::Event(body),
                Content::Event { key, body: None } => match self.event_body(key).await {
                    Ok(Some(body)) => Payload::Event(body),
                    // An answer that its caller did not wait for was stored after all.
                    Ok(None) => {
                        acker.discard();
                        continue;
                    }
                    Err(error) => {
                        tracing::warn!(?error, "an event could not be read and will be tried again");
                        acker.put_back_later();
                        continue;
                    }
                },
            };
            return Some(Delivery {
                payload,
                redelivered,
                published_at: published_ms.map(crate::time::of_ms),
                acker: Box::new(acker),
            });
        }
    }
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn publish_events(&self, events: &[Event], share: Quota) -> Result<(), BusError> {
        if events.is_empty() {
            return Ok(());
        }
        let core = &self.0;
        let published_ms = floor_ms(core.clock.now());
        let lane = |event: &Event| share.of(core.lanes.get(&event.kind).copied().unwrap_or_default());
        let outgoing = events.iter().map(|event| Outgoing::new(lane(event), event.to_json())).collect();
        Ok(core.writer.write(Publish::new(core.clone(), outgoing, published_ms)).await?)
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        let published_ms = Some(floor_ms(self.0.clock.now()));
        let content = Content::Command(command.clone());
        self.0.queue(queue).offer(Item { content, redelivered: false, published_ms })
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        if self.0.queue(Queue::Escalation).is_closed() {
            return Err(Fault::ended().into());
        }
        locked(&self.0.timers).add_alarm(slot)?;
        self.0.timer_changed.notify_one();
        Ok(())
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        if self.0.queue(queue).is_closed() {
            return Err(Fault::ended().into());
        }
        self.0.fetch_backlog(queue);
        let places = Arc::new(Semaphore::new(usize::from(prefetch.max(1))));
        let state = (self.0.clone(), places, self.0.consumers[index(queue)].clone());
        let deliveries = stream::unfold(state, move |(core, places, counted)| async move {
            let delivery = core.clone().next(queue, places.clone()).await?;
            Some((delivery, (core, places, counted)))
        });
        Ok(deliveries.boxed())
    }

    /// Nobody but this process can watch.
    fn notify(&self, _announcement: Notification) {}

    /// Work that kills its worker kills the process, and is handed out again by the next one.
    async fn broker_dead_letters(&self, _max: u16) -> Result<Vec<BrokerDeadLetter>, BusError> {
        Ok(Vec::new())
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        Ok(self.0.queue(queue).depth())
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        Ok(Arc::strong_count(&self.0.consumers[index(queue)]) as u32 - 1)
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
