//! A bus with an outbox: events are stored before they are published, and published again when they have not ended in
//! time.
//!
//! In: a bus and the store. Out: the same bus, of which no accepted event is lost, even if the broker is wiped clean.
//! Never: delays an answer for longer than the store takes, or publishes an event again that still waits its turn.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    broker_origin::BrokerOrigin,
    event::{Event, EventKey},
    source_quota::Quota,
    timeline::Command,
    workflow::Lane,
};
use futures::{StreamExt as _, stream::BoxStream};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Acker, BrokerDeadLetter, Bus, BusError, Clock, Delivery, EventLedger, Notification, Payload, Queue,
    StoreError, TimerSlot,
};
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::ledger_batcher::LedgerBatcher;

/// How often the list is swept for events that have not ended in time.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// A bus with a list of accepted events in the store.
pub struct Outbox {
    bus: Arc<dyn Bus>,
    ledger: Arc<dyn EventLedger>,
    clock: Arc<dyn Clock>,
    batcher: LedgerBatcher,
    sweeping: Option<JoinHandle<()>>,
}

/// Which processes publish accepted events again that have not ended in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// This one, which may publish events.
    Here,
    /// Others: the broker may refuse events of this one, and a sweep that it claims would help nobody.
    Elsewhere,
}

impl Outbox {
    /// Wraps a bus. Must be called within a Tokio runtime.
    pub fn new(
        bus: Arc<dyn Bus>,
        ledger: Arc<dyn EventLedger>,
        clock: Arc<dyn Clock>,
        sweeps: Sweep,
    ) -> Arc<Self> {
        let sweeping =
            (sweeps == Sweep::Here).then(|| tokio::spawn(sweep(bus.clone(), ledger.clone(), clock.clone())));
        // The task ends by itself: deliveries may be acknowledged after this is dropped.
        let (batcher, _task) = LedgerBatcher::start(ledger.clone(), clock.clone());
        Arc::new(Self { bus, ledger, clock, batcher, sweeping })
    }

    /// Returns once every event that has ended is off the list.
    pub async fn flush(&self) {
        self.batcher.flush().await;
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if let Some(sweeping) = &self.sweeping {
            sweeping.abort();
        }
    }
}

async fn sweep(bus: Arc<dyn Bus>, ledger: Arc<dyn EventLedger>, clock: Arc<dyn Clock>) {
    let every = SignedDuration::try_from(SWEEP_EVERY).unwrap_or(SignedDuration::from_secs(10));
    loop {
        clock.sleep_until(clock.now() + every).await;
        if let Err(error) = sweep_once(&*bus, &*ledger, clock.now()).await {
            tracing::warn!(%error, "the sweep of accepted events failed; trying again");
        }
    }
}

async fn sweep_once(bus: &dyn Bus, ledger: &dyn EventLedger, now: Timestamp) -> Result<(), BusError> {
    let sweeps_ms = u32::try_from(SWEEP_EVERY.as_millis()).unwrap_or(u32::MAX);
    if !ledger.claim_sweep(sweeps_ms).await.map_err(not_stored)? {
        return Ok(());
    }
    let waiting = ledger.overdue(now).await.map_err(not_stored)?;
    if waiting.is_empty() || has_backlog(bus).await? {
        return Ok(());
    }
    tracing::warn!(events = waiting.len(), "accepted events have not ended in time and are published again");
    for event in waiting {
        bus.publish_events(std::slice::from_ref(&event.event), Quota::Within).await?;
        ledger.postpone(&event, now).await.map_err(not_stored)?;
    }
    Ok(())
}

/// Whether events wait on the broker: then one that has not ended merely waits its turn.
async fn has_backlog(bus: &dyn Bus) -> Result<bool, BusError> {
    for lane in Lane::ALL {
        if bus.depth(Queue::Events(lane)).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn not_stored(error: StoreError) -> BusError {
    match error {
        StoreError::Full(reason) => BusError::Full(reason),
        StoreError::Unavailable(reason) | StoreError::Corrupt(reason) => BusError::Unavailable(reason),
    }
}

/// Removes the event from the list once its delivery is acknowledged: by then its outcome is stored.
struct Concluding {
    ledger: LedgerBatcher,
    key: Option<EventKey>,
    inner: Box<dyn Acker>,
}

#[async_trait]
impl Acker for Concluding {
    async fn ack(self: Box<Self>) -> Result<bool, BusError> {
        let Self { ledger, key, inner } = *self;
        let is_answered = inner.ack().await;
        if let Some(key) = key {
            ledger.ended(key);
        }
        is_answered
    }

    async fn retry_at(self: Box<Self>, at: Timestamp) -> Result<(), BusError> {
        self.inner.retry_at(at).await
    }

    async fn give_back(self: Box<Self>) -> Result<(), BusError> {
        self.inner.give_back().await
    }

    fn is_held(&self) -> bool {
        self.inner.is_held()
    }
}

/// The key of an event, read without the rest. An untrusted event has none: a stranger must not remove an event from the
/// list by publishing its key.
fn key_of(payload: &Payload) -> Option<EventKey> {
    #[derive(Deserialize)]
    struct Named {
        source: String,
        id: String,
    }
    let Payload::Event(body) = payload else { return None };
    let Named { source, id } = serde_json::from_slice(body).ok()?;
    Some(EventKey { source, id })
}

/// The delivery, which takes its event off the list when it is acknowledged. Other work stays as it is.
fn concluding(ledger: &LedgerBatcher, mut delivery: Delivery) -> Delivery {
    if matches!(delivery.payload, Payload::Event(_)) {
        let key = key_of(&delivery.payload);
        delivery.acker = Box::new(Concluding { ledger: ledger.clone(), key, inner: delivery.acker });
    }
    delivery
}

#[async_trait]
impl Bus for Outbox {
    async fn publish_events(&self, events: &[Event], quota: Quota) -> Result<(), BusError> {
        self.ledger.accept(events, self.clock.now()).await.map_err(not_stored)?;
        self.bus.publish_events(events, quota).await
    }

    /// Not written down: from the list it would be published again in our own name, and nobody would ask who sent it.
    async fn republish_event(&self, event: &Event, origin: &BrokerOrigin) -> Result<(), BusError> {
        self.bus.republish_event(event, origin).await
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        self.bus.publish(queue, command).await
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        self.bus.start_timer(slot).await
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        let deliveries = self.bus.consume(queue, prefetch).await?;
        let ledger = self.batcher.clone();
        Ok(deliveries.map(move |delivery| concluding(&ledger, delivery)).boxed())
    }

    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError> {
        Ok(self.bus.take(queue).await?.map(|delivery| concluding(&self.batcher, delivery)))
    }

    fn notify(&self, notification: Notification) {
        self.bus.notify(notification);
    }

    async fn broker_dead_letters(&self, max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        self.bus.broker_dead_letters(max).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        self.bus.depth(queue).await
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        self.bus.consumers(queue).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_event_is_removed_from_the_list() {
        let body =
            br#"{"specversion":"1.0","source":"monitor","id":"e-1","type":"incident.created"}"#.to_vec();
        let key = EventKey { source: "monitor".into(), id: "e-1".into() };
        assert_eq!(key_of(&Payload::Event(body.clone())), Some(key));
        assert_eq!(key_of(&Payload::Unreadable { body, reason: "untrusted".into() }), None);
        assert_eq!(key_of(&Payload::Event(b"{}".to_vec())), None);
    }
}
