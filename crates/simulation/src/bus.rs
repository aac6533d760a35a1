//! A bus in memory. In: events, wake-ups and timers. Out: deliveries, at the times of the clock.
//!
//! Never: loses an event. Wake-ups and timers are lost, doubled and late where the faults say so.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use async_trait::async_trait;
use domain::{
    broker_origin::BrokerOrigin, event::Event, source_quota::Quota, timeline::Command, workflow::Lane,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use jiff::Timestamp;
use ports::{
    Acker, BrokerDeadLetter, Bus, BusError, Clock, Delivery, Notification, Payload, Queue, TimerSlot,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Which lane an event waits in.
pub type LaneOf = fn(&str) -> Lane;

/// A bus that lives as long as the process.
pub struct MemoryBus {
    me: Weak<Self>,
    clock: Arc<dyn Clock>,
    lane_of: LaneOf,
    queues: [Mutex<VecDeque<Item>>; Queue::ALL.len()],
    handed_out: [Mutex<u64>; Queue::ALL.len()],
    /// Each stream of a queue holds one more.
    consumers: [Arc<()>; Queue::ALL.len()],
    changed: Notify,
}

#[derive(Clone)]
struct Item {
    payload: Payload,
    redelivered: bool,
    published_at: Timestamp,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn index(queue: Queue) -> usize {
    Queue::ALL.iter().position(|known| *known == queue).unwrap_or_default()
}

impl MemoryBus {
    /// An empty bus.
    pub fn new(clock: Arc<dyn Clock>, lane_of: LaneOf) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            clock,
            lane_of,
            queues: Default::default(),
            handed_out: Default::default(),
            consumers: Default::default(),
            changed: Notify::new(),
        })
    }

    fn push(&self, queue: Queue, payload: Payload) {
        let item = Item { payload, redelivered: false, published_at: self.clock.now() };
        locked(&self.queues[index(queue)]).push_back(item);
        self.changed.notify_waiters();
    }

    fn push_at(&self, at: Timestamp, queue: Queue, item: Item) {
        let Some(bus) = self.me.upgrade() else { return };
        tokio::spawn(async move {
            bus.clock.sleep_until(at).await;
            locked(&bus.queues[index(queue)]).push_back(item);
            bus.changed.notify_waiters();
        });
    }

    async fn next(self: Arc<Self>, queue: Queue, places: Arc<Semaphore>) -> Option<Delivery> {
        let place = places.acquire_owned().await.ok()?;
        loop {
            let changed = self.changed.notified();
            if let Some(item) = self.pop(queue) {
                return Some(self.clone().deliver(queue, item, Some(place)));
            }
            changed.await;
        }
    }

    fn pop(&self, queue: Queue) -> Option<Item> {
        locked(&self.queues[index(queue)]).pop_front()
    }

    fn deliver(self: Arc<Self>, queue: Queue, item: Item, place: Option<OwnedSemaphorePermit>) -> Delivery {
        *locked(&self.handed_out[index(queue)]) += 1;
        let (payload, redelivered) = (item.payload.clone(), item.redelivered);
        let published_at = Some(item.published_at);
        let acker = HeldDelivery { bus: self, queue, item: Some(item), _place: place };
        Delivery { payload, redelivered, published_at, origin: None, acker: Box::new(acker) }
    }
}

/// A delivery that was handed out. Dropped, it goes back to the front.
struct HeldDelivery {
    bus: Arc<MemoryBus>,
    queue: Queue,
    item: Option<Item>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Drop for HeldDelivery {
    fn drop(&mut self) {
        *locked(&self.bus.handed_out[index(self.queue)]) -= 1;
        if let Some(item) = self.item.take() {
            locked(&self.bus.queues[index(self.queue)]).push_front(Item { redelivered: true, ..item });
            self.bus.changed.notify_waiters();
        }
    }
}

#[async_trait]
impl Acker for HeldDelivery {
    async fn ack(mut self: Box<Self>) -> Result<bool, BusError> {
        self.item = None;
        Ok(true)
    }

    async fn retry_at(mut self: Box<Self>, at: Timestamp) -> Result<(), BusError> {
        if let Some(item) = self.item.take() {
            self.bus.push_at(at, self.queue, Item { redelivered: true, ..item });
        }
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), BusError> {
        drop(self);
        Ok(())
    }

    fn is_held(&self) -> bool {
        true
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish_events(&self, events: &[Event], share: Quota) -> Result<(), BusError> {
        for event in events {
            let lane = share.of((self.lane_of)(&event.kind));
            self.push(Queue::Events(lane), Payload::Event(event.to_json()));
        }
        Ok(())
    }

    async fn republish_event(&self, event: &Event, _origin: &BrokerOrigin) -> Result<(), BusError> {
        self.publish_events(std::slice::from_ref(event), Quota::Within).await
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        self.push(queue, Payload::Command(command.clone()));
        Ok(())
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        let item = Item { payload: Payload::Timer(slot), redelivered: false, published_at: self.clock.now() };
        if slot.at() <= self.clock.now() {
            self.push(Queue::Escalation, item.payload);
        } else {
            self.push_at(slot.at(), Queue::Escalation, item);
        }
        Ok(())
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        let gone = || BusError::Unavailable("the bus is gone".to_owned());
        let bus = self.me.upgrade().ok_or_else(gone)?;
        let places = Arc::new(Semaphore::new(usize::from(prefetch.max(1))));
        let counted = bus.consumers[index(queue)].clone();
        let deliveries = stream::unfold((bus, places, counted), move |(bus, places, counted)| async move {
            let delivery = bus.clone().next(queue, places.clone()).await?;
            Some((delivery, (bus, places, counted)))
        });
        Ok(deliveries.boxed())
    }

    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError> {
        let gone = || BusError::Unavailable("the bus is gone".to_owned());
        let bus = self.me.upgrade().ok_or_else(gone)?;
        Ok(bus.pop(queue).map(|item| bus.deliver(queue, item, None)))
    }

    fn notify(&self, _notification: Notification) {}

    async fn broker_dead_letters(&self, _max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        Ok(stream::pending().boxed())
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        let waiting = locked(&self.queues[index(queue)]).len() as u64;
        Ok(waiting + *locked(&self.handed_out[index(queue)]))
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        Ok(Arc::strong_count(&self.consumers[index(queue)]) as u32 - 1)
    }
}
