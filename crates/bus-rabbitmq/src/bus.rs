//! The port. In: events, wake-ups and alarms. Out: deliveries.
//!
//! Never: holds more than one process's worth of truth: what is in flight lives on the broker.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use domain::{event::Event, source_quota::Quota, timeline::Command, workflow::Lane};
use futures::{StreamExt as _, stream::BoxStream};
use lapin::{Channel, message::Delivery as AmqpDelivery, options::QueueDeclareOptions, types::FieldTable};
use ports::{BrokerDeadLetter, Bus, BusError, Clock, Delivery, Notification, Queue, TimerSlot};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinHandle,
};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::{
    acker::{Claim, RabbitAcker},
    config::{DelayMode, RELAY_PREFETCH, RabbitConfig},
    connect::{ConnectError, Dialer, within},
    connection::Connection,
    consumer::Consumption,
    delay_forwarder::take_step,
    message::{Envelope, read},
    notify::{self, Announcer},
    publisher::{Address, Publisher},
    publisher_auth::PublisherAuth,
    topology::Topology,
    topology_supervisor::TopologySupervisor,
    unacked::Unacked,
};

/// [`Bus`] on a RabbitMQ broker.
///
/// One connection publishes and one consumes, and each process that consumes relays its share of the delayed work of all.
/// One that only publishes (the door for events, an operator's command) reads nothing, and needs no right to.
pub struct RabbitBus {
    core: Arc<Core>,
    watching: JoinHandle<()>,
    relaying: Mutex<Option<JoinHandle<()>>>,
    announcer: Announcer,
}

/// What publishers, consumers, receipts and relays share.
pub(crate) struct Core {
    pub(crate) publisher: Publisher,
    pub(crate) consume_connection: Connection,
    pub(crate) topology_supervisor: Arc<TopologySupervisor>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Differs between processes, for the jitter of waits.
    pub(crate) seed: String,
    /// Our own user, and whom we believe; `None`: anybody.
    trust: Option<PublisherAuth>,
    user: String,
    unacked: Unacked,
    lanes: BTreeMap<String, Lane>,
    /// For questions; one that fails closes it.
    question_channel: Mutex<Option<Channel>>,
}

impl RabbitBus {
    /// Connects, checks the broker, and makes or checks its exchanges and queues.
    ///
    /// # Errors
    /// When it cannot be reached, or lacks something that an operator must give it.
    pub async fn connect(config: RabbitConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, ConnectError> {
        let dialer = Dialer::new(&config)?;
        let topology = Topology::with_prefix(&config.prefix, &config.lanes, config.delay)?;
        dialer.check_version().await?;
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
        // On a channel of its own: where announcing is not allowed, the broker closes the channel.
        let (publisher, for_announcements) = (publisher("publish"), publisher("announce"));
        let user = dialer.user().to_owned();
        let trust = config.trust.map(|mut trust| {
            trust.own.insert(user.clone());
            trust
        });
        let core = Arc::new(Core {
            publisher,
            consume_connection: Connection::new(dialer.clone(), "consume"),
            topology_supervisor: topology_supervisor.clone(),
            clock,
            seed,
            trust,
            user,
            unacked: Unacked::default(),
            lanes: config.lanes,
            question_channel: Mutex::default(),
        });
        core.publisher.open().await.map_err(|error| ConnectError::Topology(error.to_string()))?;
        let watching = tokio::spawn(async move { topology_supervisor.watch().await });
        let (announcer, announced) = Announcer::new();
        tokio::spawn(notify::publish(core.clone(), for_announcements, announced, config.announces_ends));
        Ok(Arc::new(Self { core, watching, relaying: Mutex::default(), announcer }))
    }

    /// Takes a share of the delayed work, once. Whoever takes it holds it for a moment, and a process that comes and
    /// goes would return it each time, until it is a dead letter: so only processes that stay do.
    async fn delay_forwarder(&self) -> Result<(), lapin::Error> {
        let mut relaying = self.relaying.lock().await;
        if relaying.is_none() {
            let core = self.core.clone();
            let steps = Consumption::new(
                core.clone(),
                core.topology_supervisor.topology.names.step(),
                RELAY_PREFETCH,
            );
            let open = steps.open().await?;
            let take = move |delivery, channel| take_step(&core, delivery, channel);
            *relaying = Some(tokio::spawn(steps.run(open, take, std::future::pending())));
        }
        Ok(())
    }

    /// Whether the broker takes messages now. `None`: it does; else why not.
    pub fn blocked(&self) -> Option<String> {
        self.core.publisher.blocked()
    }
}

impl Drop for RabbitBus {
    fn drop(&mut self) {
        // Unacked deliveries return with their channels.
        self.watching.abort();
        self.relaying.get_mut().iter().for_each(JoinHandle::abort);
    }
}

impl Core {
    /// Turns what came into a piece of work; `None` when it came before its time and was sent on.
    fn receive(self: &Arc<Self>, queue: Queue, delivery: AmqpDelivery, channel: Channel) -> Option<Delivery> {
        let (incoming, acker) =
            read(delivery, queue, &self.topology_supervisor.topology.names, self.trust.as_ref());
        let claim = Claim::new(acker, channel);
        // A bucket was exact, but the clock of whoever filled it was ahead of ours.
        if self.left_ms(&incoming.envelope) > 0 {
            let core = self.clone();
            tokio::spawn(async move { core.delay_forwarder(queue, incoming.envelope, claim).await });
            return None;
        }
        let counted = self.unacked.count(queue);
        let acker = RabbitAcker { core: self.clone(), queue, claim, envelope: incoming.envelope, counted };
        Some(Delivery {
            payload: incoming.payload,
            redelivered: incoming.redelivered,
            published_at: incoming.published_at,
            acker: Box::new(acker),
        })
    }

    /// What the broker says about a queue.
    async fn look_at(&self, queue: Queue) -> Result<lapin::Queue, BusError> {
        let asked = async {
            let mut current = self.question_channel.lock().await;
            let channel = match current.take().filter(|channel| channel.status().connected()) {
                Some(channel) => channel,
                None => self.consume_connection.channel().await?,
            };
            let name = self.topology_supervisor.topology.names.queue(queue);
            let options = QueueDeclareOptions::durable().passive();
            let found =
                within(channel.queue_declare(name.as_str().into(), options, FieldTable::default())).await?;
            *current = Some(channel);
            Ok(found)
        };
        asked.await.map_err(|error: lapin::Error| BusError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn publish_events(&self, events: &[Event], share: Quota) -> Result<(), BusError> {
        let core = &self.core;
        let now = core.clock.now();
        let message = |event: &Event| {
            let message = Envelope::event(event, now).to_message();
            let vouched = if core.trust.is_some() { message.vouched(&core.user) } else { message };
            let names = &core.topology_supervisor.topology.names;
            let address = match share {
                Quota::Within => Address::event(names, &event.kind),
                Quota::Exceeded => {
                    let lane = core.lanes.get(&event.kind).copied().unwrap_or_default();
                    Address::lane(names, share.of(lane))
                }
            };
            (address, vouched)
        };
        core.publisher.publish_all(events.iter().map(message).collect()).await
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
        let unavailable = |error: lapin::Error| BusError::Unavailable(error.to_string());
        self.delay_forwarder().await.map_err(unavailable)?;
        let name = self.core.topology_supervisor.topology.names.queue(queue);
        let consumption = Consumption::new(self.core.clone(), name, prefetch);
        let open = consumption.open().await.map_err(unavailable)?;
        // The prefetch bounds it: the broker sends no more before one is answered.
        let (tx, rx) = mpsc::unbounded_channel();
        let core = self.core.clone();
        tokio::spawn(async move {
            let gone = tx.clone();
            let take = move |delivery, channel| {
                if let Some(delivery) = core.receive(queue, delivery, channel) {
                    // Nobody there any more: dropped, it is returned.
                    drop(tx.send(delivery));
                }
            };
            consumption.run(open, take, async move { gone.closed().await }).await;
        });
        Ok(UnboundedReceiverStream::new(rx).boxed())
    }

    fn notify(&self, announcement: Notification) {
        self.announcer.notify(announcement);
    }

    async fn broker_dead_letters(&self, max: u16) -> Result<Vec<BrokerDeadLetter>, BusError> {
        self.core.browse_dead(max).await
    }

    /// What is ready on the broker and what this process holds. What other processes hold is not known to the protocol.
    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        let ready = self.core.look_at(queue).await?.message_count();
        Ok(u64::from(ready) + self.core.unacked.of(queue))
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        Ok(self.core.look_at(queue).await?.consumer_count())
    }
}
