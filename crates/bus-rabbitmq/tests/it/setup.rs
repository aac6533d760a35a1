//! What the tests share. In: the name of a test. Out: a bus with a prefix of its own, and raw channels.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{sync::Arc, time::Duration};

use bus_rabbitmq::{DelayMode, RabbitBus, RabbitConfig, topology::Names};
use conformance::bus::lanes;
use domain::{event::Event, source_quota::Quota, workflow::Lane};
use futures::{StreamExt as _, stream::BoxStream};
use jiff::{SignedDuration, Timestamp};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use ports::{Bus, Clock as _, Delivery, Payload, Queue, SystemClock};
use test_servers::RabbitMq;

/// Where most tests take place.
pub(crate) const STANDARD: Queue = Queue::Events(Lane::Standard);
/// How long anything may take while compilers and other tests use the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `plugin`: tests delay work by the plugin, which a broker that `CALLOUT_TEST_AMQP_URL` names may have.
const DELAY_VARIABLE: &str = "CALLOUT_TEST_DELAY";

/// A configuration under names of its own.
pub(crate) fn config(broker: &RabbitMq, test: &str) -> RabbitConfig {
    // Unique, for a broker that the environment names keeps what earlier runs left.
    let prefix = format!("{test}.{}.", SystemClock.now().as_nanosecond());
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
    let has_plugin = !broker.is_own() && std::env::var(DELAY_VARIABLE).is_ok_and(|delay| delay == "plugin");
    let delay = if has_plugin { DelayMode::Plugin } else { DelayMode::Buckets };
    RabbitConfig { prefix, delay, ..RabbitConfig::new(&broker.url, lanes()) }
}

/// A bus and its names.
pub(crate) async fn bus(config: RabbitConfig) -> (Arc<RabbitBus>, Names) {
    let names = Names::new(&config.prefix);
    // A broker that shares two cores with compilers and other tests may take longer than an operator waits.
    let config = RabbitConfig { patience: SignedDuration::from_mins(1), ..config };
    (RabbitBus::connect(config, Arc::new(SystemClock)).await.unwrap(), names)
}

/// A channel of a stranger.
pub(crate) async fn channel(url: &str) -> Channel {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    connection.create_channel().await.unwrap()
}

/// Publishes as a stranger would.
pub(crate) async fn publish_raw(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &[u8],
    properties: BasicProperties,
) {
    let options = lapin::options::BasicPublishOptions::default();
    channel
        .basic_publish(exchange.into(), key.into(), options, body, properties)
        .await
        .unwrap()
        .await
        .unwrap();
}

/// The first message of a queue, as soon as there is one.
pub(crate) async fn get_raw(channel: &Channel, queue: &str) -> lapin::message::Delivery {
    let wait = async {
        loop {
            let got = channel.basic_get(queue.into(), lapin::options::BasicGetOptions { no_ack: true }).await;
            if let Some(message) = got.unwrap() {
                return message.delivery;
            }
            pause(20).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("a message comes")
}

/// Waits until a queue has so many messages ready.
pub(crate) async fn until_ready(channel: &Channel, queue: &str, count: u32) {
    let wait = async {
        while ready(channel, queue).await != count {
            pause(20).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    assert!(waited.is_ok(), "{queue} has {} messages and not {count}", ready(channel, queue).await);
}

async fn ready(channel: &Channel, queue: &str) -> u32 {
    let options = lapin::options::QueueDeclareOptions::durable().passive();
    channel.queue_declare(queue.into(), options, Default::default()).await.unwrap().message_count()
}

/// The `n`th event of a test.
pub(crate) fn event(test: &str, n: u32) -> Event {
    conformance::bus::event(test, n, conformance::bus::STANDARD)
}

/// The next delivery, which must come.
pub(crate) async fn next(deliveries: &mut BoxStream<'static, Delivery>) -> Delivery {
    let next = tokio::time::timeout(PATIENCE, deliveries.next()).await;
    next.expect("a delivery comes in time").expect("the stream goes on")
}

/// The event of a delivery.
pub(crate) fn event_of(delivery: &Delivery) -> Event {
    let Payload::Event(bytes) = &delivery.payload else { panic!("{:?} is no event", delivery.payload) };
    Event::from_json(bytes).unwrap()
}

/// Publishes until the broker takes it.
pub(crate) async fn publish_until_taken(bus: &dyn Bus, event: &Event) {
    let wait = async {
        while bus.publish_events(std::slice::from_ref(event), Quota::Within).await.is_err() {
            pause(50).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the broker takes it");
}

/// Lets servers work.
pub(crate) async fn pause(milliseconds: i64) {
    SystemClock.sleep_until(in_ms(milliseconds)).await;
}

/// So many milliseconds from now.
pub(crate) fn in_ms(milliseconds: i64) -> Timestamp {
    SystemClock.now() + SignedDuration::from_millis(milliseconds)
}
