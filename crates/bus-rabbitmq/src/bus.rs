//! [`Bus`] on RabbitMQ. In: events, wake-ups and timers. Out: deliveries.
//!
//! Never: keeps a message: what is in flight is stored on the broker.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{broker_origin::BrokerOrigin, event::Event, source_quota::Quota, timeline::Command};
use futures::{StreamExt as _, stream::BoxStream};
use lapin::message::Delivery as AmqpDelivery;
use ports::{BrokerDeadLetter, Bus, BusError, Clock, Delivery, Notification, Queue, TimerSlot};
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::{
    acker::RabbitAcker,
    acknowledgements::Acknowledgements,
    claim::Claim,
    config::{FORWARD_PREFETCH, RabbitConfig},
    connect::{ConnectError, Dialer},
    connection::Connection,
    consumer::Consumption,
    core::Core,
    delay::DelayMode,
    delay_forwarder::take_step,
    message::{Envelope, read},
    notify::{self, Notifier},
    publisher::{Address, Publisher},
    topology::{DELIVERY_LIMIT, Topology},
    topology_supervisor::TopologySupervisor,
    unacked::Unacked,
};

/// [`Bus`] on a RabbitMQ broker.
///
/// One connection publishes and one consumes. Each process that consumes also forwards a part of the delayed work.
/// A process that only publishes (event ingestion, an operator's command) reads nothing and needs no right to read.
pub struct RabbitBus {
    pub(crate) core: Arc<Core>,
    /// On a channel of its own, which the broker closes while the exchange is missing.
    pub(crate) checking: Publisher,
    supervising: JoinHandle<()>,
    forwarding: Mutex<Option<JoinHandle<()>>>,
    notifier: Notifier,
}

impl RabbitBus {
    /// Connects, checks the broker, and declares or verifies its exchanges and queues.
    ///
    /// # Errors
    /// When the broker cannot be reached, or lacks something that an operator must provide.
    pub async fn connect(config: RabbitConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, ConnectError> {
        let dialer = Dialer::new(&config)?;
        let topology = Topology::with_prefix(&config.prefix, &config.lanes, config.delay)?;
        dialer.first_answer(config.patience, &*clock).await?;
        if config.delay == DelayMode::Plugin {
            dialer.probe_plugin(&topology.names).await?;
        }
        let topology_supervisor =
            Arc::new(TopologySupervisor::new(dialer.clone(), topology, config.topology, clock.clone()));
        topology_supervisor.establish().await?;
        let seed = format!("{} {} {}", config.connection_name, std::process::id(), clock.now());
        let connection = Arc::new(Connection::new(dialer.clone(), "publish"));
        let publisher = |purpose: &str| {
            Publisher::new(
                connection.clone(),
                topology_supervisor.clone(),
                clock.clone(),
                config.confirm_window.max(1),
                config.confirm_max,
                format!("{seed} {purpose}"),
            )
        };
        let checking = publisher("check");
        // On a channel of its own: if this user may not publish notifications, the broker closes the channel.
        let (publisher, notify_publisher) = (publisher("publish"), publisher("announce"));
        let user = dialer.user().to_owned();
        let publisher_auth = config.publisher_auth.map(|mut auth| {
            auth.own.insert(user.clone());
            auth
        });
        let core = Arc::new(Core {
            publisher,
            consume_connection: Connection::new(dialer.clone(), "consume"),
            topology_supervisor: topology_supervisor.clone(),
            clock,
            seed,
            publisher_auth,
            user,
            unacked: Unacked::default(),
            lanes: config.lanes,
            query_channel: Mutex::default(),
            take_channel: Mutex::default(),
        });
        core.publisher.open().await.map_err(|error| ConnectError::Topology(error.to_string()))?;
        let supervising = tokio::spawn(async move { topology_supervisor.watch().await });
        let (notifier, notifications) = Notifier::new();
        tokio::spawn(notify::publish(core.clone(), notify_publisher, notifications, config.announces_ends));
        Ok(Arc::new(Self { core, checking, supervising, forwarding: Mutex::default(), notifier }))
    }

    /// Starts the delay forwarder, unless it runs. Only long-lived processes do: a forwarder keeps each message unacked
    /// for up to a second, and every process that exits returns what it keeps, which counts towards the delivery limit.
    async fn start_forwarder(&self) -> Result<(), lapin::Error> {
        let mut forwarding = self.forwarding.lock().await;
        if forwarding.is_none() {
            let core = self.core.clone();
            let steps = Consumption::new(
                core.clone(),
                core.topology_supervisor.topology.names.step(),
                FORWARD_PREFETCH,
            );
            let open = steps.open().await?;
            let take = move |delivery, acknowledgements: &Arc<Acknowledgements>| {
                take_step(&core, delivery, acknowledgements);
            };
            *forwarding = Some(tokio::spawn(steps.run(open, take, std::future::pending())));
        }
        Ok(())
    }

    /// Why the broker takes no messages at the moment; `None` when it takes them.
    pub fn blocked(&self) -> Option<String> {
        self.core.publisher.blocked()
    }
}

impl Drop for RabbitBus {
    fn drop(&mut self) {
        // Unacked deliveries return with their channels.
        self.supervising.abort();
        self.forwarding.get_mut().iter().for_each(JoinHandle::abort);
    }
}

impl Core {
    /// Turns a message into a delivery; `None` when it came before its time and was forwarded.
    fn receive(
        self: &Arc<Self>,
        queue: Queue,
        delivery: AmqpDelivery,
        acknowledgements: &Arc<Acknowledgements>,
    ) -> Option<Delivery> {
        let tag = delivery.delivery_tag;
        let (incoming, acker) =
            read(delivery, queue, &self.topology_supervisor.topology.names, self.publisher_auth.as_ref());
        let claim = Claim::new(acker, tag, acknowledgements.clone());
        // Before 4.3 the broker itself does this; since then work that its workers drop would come again for ever.
        if incoming.returned > DELIVERY_LIMIT {
            tokio::spawn(claim.reject());
            return None;
        }
        // The bucket was exact, but the clock of the process that published into it was ahead of ours.
        if self.left_ms(&incoming.envelope) > 0 {
            let core = self.clone();
            tokio::spawn(async move { core.forward(queue, incoming.envelope, claim).await });
            return None;
        }
        let counted = self.unacked.count(queue);
        let (envelope, returned) = (incoming.envelope, incoming.returned);
        let origin = envelope.origin.clone();
        let acker = RabbitAcker { core: self.clone(), queue, claim, envelope, counted, returned };
        Some(Delivery {
            payload: incoming.payload,
            redelivered: incoming.redelivered,
            published_at: incoming.published_at,
            origin,
            acker: Box::new(acker),
        })
    }
}

/// A delivery that no worker has seen. Dropped, it is given back.
struct Unseen {
    delivery: Option<Delivery>,
    /// Ends with the consumer: what is given back before would be sent to the same one again.
    consumer: watch::Receiver<()>,
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let (Some(delivery), Ok(runtime)) = (self.delivery.take(), Handle::try_current()) {
            let mut consumer = self.consumer.clone();
            runtime.spawn(async move {
                while consumer.changed().await.is_ok() {}
                if let Err(error) = delivery.acker.give_back().await {
                    tracing::debug!(%error, "a delivery was not given back; it returns with its channel");
                }
            });
        }
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn publish_events(&self, events: &[Event], quota: Quota) -> Result<(), BusError> {
        let core = &self.core;
        let now = core.clock.now();
        let message = |event: &Event| {
            let vouched = core.vouched(Envelope::event(event, now).to_message());
            let names = &core.topology_supervisor.topology.names;
            let address = match quota {
                Quota::Within => Address::event(names, &event.kind),
                Quota::Exceeded => {
                    let lane = core.lanes.get(&event.kind).copied().unwrap_or_default();
                    Address::lane(names, quota.of(lane))
                }
            };
            (address, vouched)
        };
        core.publisher.publish_all(events.iter().map(message).collect()).await
    }

    async fn republish_event(&self, event: &Event, origin: &BrokerOrigin) -> Result<(), BusError> {
        let core = &self.core;
        let message = core.vouched(Envelope::republished(event, origin, core.clock.now()).to_message());
        let address = Address::event(&core.topology_supervisor.topology.names, &event.kind);
        core.publisher.publish(address, message).await
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        let message = Envelope::command(command, self.core.clock.now()).to_message();
        let address = Address::queue(&self.core.topology_supervisor.topology.names, queue);
        self.core.publisher.publish(address, message).await
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        let timer = Envelope::timer(slot, self.core.clock.now());
        self.core.delay(Queue::Escalation, &timer).await
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        let topology = &self.core.topology_supervisor;
        let unavailable = |error: lapin::Error| BusError::Unavailable(topology.explain(&error).to_string());
        self.start_forwarder().await.map_err(unavailable)?;
        let name = self.core.topology_supervisor.topology.names.queue(queue);
        let consumption = Consumption::new(self.core.clone(), name, prefetch);
        let open = match consumption.open().await {
            Ok(open) => open,
            // The connection may have been lost under it. Then there is another the second time.
            Err(_) => consumption.open().await.map_err(unavailable)?,
        };
        // The prefetch bounds it: the broker sends no more before one is acknowledged.
        let (tx, rx) = mpsc::unbounded_channel();
        let core = self.core.clone();
        let (consumer, consumer_ends) = watch::channel(());
        tokio::spawn(async move {
            let stream = tx.clone();
            let take = move |delivery, acknowledgements: &Arc<Acknowledgements>| {
                if let Some(delivery) = core.receive(queue, delivery, acknowledgements) {
                    // If the stream is gone, it is dropped here.
                    drop(tx.send(Unseen { delivery: Some(delivery), consumer: consumer_ends.clone() }));
                }
            };
            consumption.run(open, take, async move { stream.closed().await }).await;
            drop(consumer);
        });
        Ok(UnboundedReceiverStream::new(rx).filter_map(async |mut unseen| unseen.delivery.take()).boxed())
    }

    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError> {
        let unavailable = |error: lapin::Error| BusError::Unavailable(error.to_string());
        self.start_forwarder().await.map_err(unavailable)?;
        while let Some((delivery, channel)) = self.core.get(queue).await.map_err(unavailable)? {
            if let Some(delivery) = self.core.receive(queue, delivery, &Acknowledgements::new(channel)) {
                return Ok(Some(delivery));
            }
        }
        Ok(None)
    }

    fn notify(&self, notification: Notification) {
        self.notifier.notify(notification);
    }

    async fn broker_dead_letters(&self, max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        self.core.clone().dead_letters(max).await
    }

    /// Messages ready on the broker, plus those unacked in this process. AMQP does not tell what others hold unacked.
    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        let ready = self.core.query(queue).await?.message_count();
        Ok(u64::from(ready) + self.core.unacked.of(queue))
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        Ok(self.core.query(queue).await?.consumer_count())
    }
}
