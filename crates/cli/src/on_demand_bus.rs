//! A bus for operators' commands: the broker is reached when something is published, and not before.
//!
//! In: calls of a command that mostly reads the store. Out: a connection, made once and when it is needed.
//! Never: consumes, or declares anything: a command works while the broker is away, as long as it only reads.

use std::sync::Arc;

use async_trait::async_trait;
use bus_rabbitmq::{RabbitBus, RabbitConfig};
use domain::{broker_origin::BrokerOrigin, event::Event, source_quota::Quota, timeline::Command};
use futures::stream::BoxStream;
use ports::{BrokerDeadLetter, Bus, BusError, Clock, Delivery, Notification, Queue, TimerSlot};
use tokio::sync::OnceCell;

/// A bus that is connected on first use.
pub(crate) struct OnDemandBus {
    config: RabbitConfig,
    clock: Arc<dyn Clock>,
    connected: OnceCell<Arc<RabbitBus>>,
}

impl OnDemandBus {
    pub(crate) fn new(config: RabbitConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, connected: OnceCell::new() }
    }

    async fn bus(&self) -> Result<&RabbitBus, BusError> {
        let connect = || async { RabbitBus::connect(self.config.clone(), self.clock.clone()).await };
        let bus = self.connected.get_or_try_init(connect).await;
        bus.map(|bus| &**bus).map_err(|error| BusError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Bus for OnDemandBus {
    async fn publish_events(&self, events: &[Event], quota: Quota) -> Result<(), BusError> {
        self.bus().await?.publish_events(events, quota).await
    }

    async fn republish_event(&self, event: &Event, origin: &BrokerOrigin) -> Result<(), BusError> {
        self.bus().await?.republish_event(event, origin).await
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        self.bus().await?.publish(queue, command).await
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        self.bus().await?.start_timer(slot).await
    }

    async fn consume(&self, _queue: Queue, _prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        Err(BusError::Unavailable("a command consumes nothing".to_owned()))
    }

    async fn take(&self, _queue: Queue) -> Result<Option<Delivery>, BusError> {
        Err(BusError::Unavailable("a command consumes nothing".to_owned()))
    }

    fn notify(&self, notification: Notification) {
        // Best effort, as everywhere; a command that publishes nothing else makes no connection for it.
        if let Some(bus) = self.connected.get() {
            bus.notify(notification);
        }
    }

    async fn broker_dead_letters(&self, max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        self.bus().await?.broker_dead_letters(max).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        self.bus().await?.depth(queue).await
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        self.bus().await?.consumers(queue).await
    }
}
