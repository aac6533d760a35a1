//! Exchanges and queues. In: what is on the broker. Out: the same as in the code, or a reason not to start.

use std::sync::Arc;

use async_trait::async_trait;
use bus_rabbitmq::{
    ConnectError, DelayMode, RabbitBus, RabbitConfig, Topology, TopologyMode, topology::Names,
};
use conformance::bus::{BULK, STANDARD, lanes};
use domain::{source_quota::Quota, workflow::Lane};
use jiff::{SignedDuration, Timestamp};
use lapin::options::QueueDeclareOptions;
use ports::{Bus as _, Clock, Dependency as _, Queue, SystemClock};
use serde_json::Value;
use test_servers::{RabbitMq, rabbitmq};

use crate::setup::{PATIENCE, bus, channel, config, event_of, next, pause};

async fn refusal(config: RabbitConfig) -> ConnectError {
    match RabbitBus::connect(config, Arc::new(SystemClock)).await {
        Err(error) => error,
        Ok(_) => panic!("the broker was to be refused"),
    }
}

/// Traps 5 and 6: the default differs between versions, and `-1` loses messages on 3.10.
#[tokio::test(flavor = "multi_thread")]
async fn exported_definitions_can_be_imported_and_equal_what_is_declared() {
    let broker = RabbitMq::private();
    let definitions = Topology::new(&lanes(), DelayMode::Buckets).unwrap().export("/");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("definitions.json");
    std::fs::write(&file, definitions.to_string()).unwrap();
    let verify = RabbitConfig { topology: TopologyMode::Verify, ..RabbitConfig::new(&broker.url, lanes()) };
    let missing = refusal(verify.clone()).await.to_string();
    assert!(missing.contains("callout.v1."), "{missing}");
    broker.ctl(&["import_definitions", file.to_str().unwrap()]);
    drop(bus(verify).await);
    // Declaring the same again changes nothing, or the broker would refuse it.
    drop(bus(RabbitConfig::new(&broker.url, lanes())).await);
    let listed = broker.ctl(&["list_queues", "name", "type", "arguments", "--formatter", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.len(), definitions["queues"].as_array().unwrap().len());
    for queue in listed {
        assert_eq!(queue["type"], "quorum", "{queue}");
        let limit = queue["arguments"].to_string();
        assert!(limit.contains("x-delivery-limit"), "{queue}");
    }
}

/// Trap 7: declaring one without the plugin closes the whole connection.
#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_is_asked_for_before_it_is_used() {
    let broker = rabbitmq();
    let config = RabbitConfig { delay: DelayMode::Plugin, ..config(broker, "plugin") };
    if broker.is_own() {
        assert!(matches!(refusal(config).await, ConnectError::NoDelayPlugin));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_differs_stops_the_start_and_is_named() {
    let config = config(rabbitmq(), "differs");
    let queue = Names::new(&config.prefix).queue(Queue::Escalation);
    let channel = channel(&config.url).await;
    let options = QueueDeclareOptions::durable();
    channel.queue_declare(queue.as_str().into(), options, Default::default()).await.unwrap();
    let error = refusal(config).await;
    assert!(matches!(&error, ConnectError::Topology(text) if text.contains(&queue)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_broker_or_with_a_wrong_password_is_named() {
    let broker = rabbitmq();
    let at = |url: &str| RabbitConfig { url: url.to_owned(), ..config(broker, "address") };
    assert!(matches!(refusal(at("http://localhost")).await, ConnectError::Address(_)));
    let unreachable = refusal(at("amqp://guest:secret@127.0.0.1:1/%2f")).await;
    assert!(
        matches!(unreachable, ConnectError::Unreachable(..)) && !unreachable.to_string().contains("secret"),
        "{unreachable}"
    );
    let (server, _) = broker.url.rsplit_once('/').unwrap();
    let nowhere = refusal(at(&format!("{server}/nowhere"))).await;
    let is_named = |text: &str| text.contains("virtual host") && text.contains("nowhere");
    assert!(matches!(nowhere, ConnectError::Refused { .. }) && is_named(&nowhere.to_string()), "{nowhere}");
    let wrong = refusal(at(&broker.url.replace("guest:guest", "guest:wrong"))).await;
    assert!(matches!(&wrong, ConnectError::Refused { .. }), "{wrong}");
    assert!(wrong.to_string().contains("check user and password"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_moves_to_another_lane_arrives_there_alone() {
    let before = config(rabbitmq(), "moves");
    let after = RabbitConfig { lanes: [(STANDARD.to_owned(), Lane::Bulk)].into(), ..before.clone() };
    drop(bus(before).await);
    let (bus, _) = bus(after).await;
    let event = crate::setup::event("moves", 1);
    bus.publish_events(std::slice::from_ref(&event), Quota::Within).await.unwrap();
    let delivery = next(&mut bus.consume(Queue::Events(Lane::Bulk), 1).await.unwrap()).await;
    assert_eq!(event_of(&delivery), event);
    assert_eq!(bus.depth(Queue::Events(Lane::Standard)).await.unwrap(), 0);
    // A type whose workflow is gone stays where it was.
    bus.publish_events(&[conformance::bus::event("moves", 2, BULK)], Quota::Within).await.unwrap();
    assert_eq!(bus.depth(Queue::Events(Lane::Standard)).await.unwrap(), 0);
}

/// AMQP has no question for a type: what exists is declared once more, and the broker compares.
#[tokio::test(flavor = "multi_thread")]
async fn f3_a_queue_of_another_type_and_a_missing_one_are_noticed_over_amqp() {
    let config = config(rabbitmq(), "looked");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config.clone()).await;
    drop(bus);
    assert_eq!(bus_rabbitmq::look(&config).await.unwrap().differences(), []);
    let (missing, classic) = (names.queue(Queue::Escalation), names.queue(Queue::Send(Lane::Bulk)));
    for queue in [&missing, &classic] {
        raw.queue_delete(queue.as_str().into(), Default::default()).await.unwrap();
    }
    let options = QueueDeclareOptions::durable();
    raw.queue_declare(classic.as_str().into(), options, Default::default()).await.unwrap();
    let look = bus_rabbitmq::look(&config).await.unwrap();
    assert_eq!(look.missing, [missing]);
    let [different] = &look.different[..] else { panic!("{:?}", look.different) };
    assert!(different.contains(&classic) && different.contains("inequivalent"), "{different}");
}

/// The machine's clock for who cannot wait: half a minute is over at once.
#[derive(Debug)]
struct Hurried;

#[async_trait]
impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    async fn sleep_until(&self, _: Timestamp) {
        pause(100).await;
    }
}

/// The check's error as soon as there is one, or its success.
async fn until_checked(bus: &RabbitBus, holds: bool) -> String {
    let wait = async {
        loop {
            match bus.check().await {
                Err(error) if !holds => return error,
                Ok(()) if holds => return String::new(),
                _ => pause(50).await,
            }
        }
    };
    ports::within(&SystemClock, PATIENCE, wait).await.expect("the check answers otherwise")
}

/// What is published to a queue that was deleted is confirmed and gone, so nobody may take the process for ready.
#[tokio::test(flavor = "multi_thread")]
async fn where_an_operator_declares_a_deleted_queue_is_no_longer_ready_and_says_what_to_do() {
    let config = config(rabbitmq(), "deleted");
    let (declared, names) = bus(config.clone()).await;
    drop(declared);
    let verify = RabbitConfig {
        topology: TopologyMode::Verify,
        patience: SignedDuration::from_mins(1),
        ..config.clone()
    };
    let verifying = RabbitBus::connect(verify, Arc::new(Hurried)).await.unwrap();
    until_checked(&verifying, true).await;
    let queue = names.queue(Queue::Send(Lane::Bulk));
    let raw = channel(&config.url).await;
    raw.queue_delete(queue.as_str().into(), Default::default()).await.unwrap();
    let error = until_checked(&verifying, false).await;
    assert!(error.contains(&queue) && error.contains("callout topology declare"), "{error}");
    drop(bus(config).await);
    until_checked(&verifying, true).await;
}
