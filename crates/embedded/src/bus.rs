//! [`Bus`] within one process: events wait in SQLite and are handed out from memory.
//!
//! In: events, wake-ups and timers. Out: deliveries to the consumers of this process.
//! Never: stores a wake-up or a timer. The contract lets both be lost, the due rows repeat them, and a restart starts the
//! timers again. An event is a row until it is acknowledged; delivering it writes nothing.

mod acker;
mod backlog;
mod core;
mod event_keys;
mod events;
mod timer;
mod work_queue;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    broker_origin::BrokerOrigin, event::Event, source_quota::Quota, time::floor_ms, timeline::Command,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use ports::{BrokerDeadLetter, Bus, BusError, Delivery, Notification, Payload, Queue, TimerSlot};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::{
    acker::EmbeddedAcker,
    events::{Outgoing, Publish},
    work_queue::{Content, Item},
};
pub(crate) use self::{
    core::Core,
    event_keys::{count_waiting, lane_of},
    events::seal as seal_event,
};
use crate::{fault::Fault, locked::locked};

/// [`Bus`] on a shared core.
pub(crate) struct EmbeddedBus(pub(crate) Arc<Core>);

impl Core {
    /// The next delivery of a queue. `None`: the bus is closed.
    async fn next(self: Arc<Self>, queue: Queue, prefetch: Arc<Semaphore>) -> Option<Delivery> {
        loop {
            let permit = prefetch.clone().acquire_owned().await.ok()?;
            self.queue(queue).wait().await?;
            if let Some(delivery) = self.clone().pop(queue, Some(permit)).await {
                return Some(delivery);
            }
        }
    }

    /// The item that was claimed, as a delivery. `None`: it is no work any more, or not now.
    async fn pop(self: Arc<Self>, queue: Queue, permit: Option<OwnedSemaphorePermit>) -> Option<Delivery> {
        self.fetch_backlog(queue);
        let item = self.queue(queue).pop()?;
        // From here on the acker puts the item back if anything fails or the consumer is dropped.
        let acker = EmbeddedAcker::new(self.clone(), queue, &item, permit);
        let Item { content, redelivered, published_ms } = item;
        let payload = match content {
            Content::Command(command) => Payload::Command(command),
            Content::Timer(slot) => Payload::Timer(slot),
            Content::Event { body: Some(body), .. } => Payload::Event(body),
            Content::Event { key, body: None } => match self.event_body(key).await {
                Ok(Some(body)) => Payload::Event(body),
                // An acknowledgement that its caller did not wait for was stored after all.
                Ok(None) => {
                    acker.discard();
                    return None;
                }
                Err(error) => {
                    tracing::warn!(?error, "an event could not be read and will be tried again");
                    acker.put_back_later();
                    return None;
                }
            },
        };
        let published_at = published_ms.map(domain::time::of_ms);
        Some(Delivery { payload, redelivered, published_at, origin: None, acker: Box::new(acker) })
    }
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn publish_events(&self, events: &[Event], quota: Quota) -> Result<(), BusError> {
        if events.is_empty() {
            return Ok(());
        }
        let core = &self.0;
        let published_ms = floor_ms(core.clock.now());
        let lane = |event: &Event| quota.of(core.lanes.get(&event.kind).copied().unwrap_or_default());
        let outgoing = |event: &Event| Outgoing::new(lane(event), event.to_json(), &core.sealer);
        let outgoing = events.iter().map(outgoing).collect::<Result<_, _>>()?;
        Ok(core.writer.write(Publish::new(core.clone(), outgoing, published_ms)).await?)
    }

    /// Nobody publishes to this bus but the process itself.
    async fn republish_event(&self, event: &Event, _origin: &BrokerOrigin) -> Result<(), BusError> {
        self.publish_events(std::slice::from_ref(event), Quota::Within).await
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
        locked(&self.0.timers).start(slot)?;
        self.0.timer_changed.notify_one();
        Ok(())
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        if self.0.queue(queue).is_closed() {
            return Err(Fault::ended().into());
        }
        self.0.fetch_backlog(queue);
        let permits = Arc::new(Semaphore::new(usize::from(prefetch.max(1))));
        let state = (self.0.clone(), permits, self.0.count_consumer(queue));
        let deliveries = stream::unfold(state, move |(core, permits, counted)| async move {
            let delivery = core.clone().next(queue, permits.clone()).await?;
            Some((delivery, (core, permits, counted)))
        });
        Ok(deliveries.boxed())
    }

    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError> {
        if self.0.queue(queue).is_closed() {
            return Err(Fault::ended().into());
        }
        self.0.fetch_backlog(queue);
        if !self.0.queue(queue).claim() {
            return Ok(None);
        }
        Ok(self.0.clone().pop(queue, None).await)
    }

    /// There is no broker that other systems could read notifications from.
    fn notify(&self, _notification: Notification) {}

    /// There are none: work that crashes its worker ends the process, and the next process delivers it again.
    async fn broker_dead_letters(&self, _max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        Ok(stream::pending().boxed())
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        Ok(self.0.queue(queue).depth())
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        Ok(self.0.consumers(queue))
    }
}
