//! Poison messages, and the broker's dead letters. In: a delivery that is never answered, and
//! notifications. Out: dead letters that stay until they are taken off.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use bus_rabbitmq::{RabbitBus, topology::DELIVERY_LIMIT};
use domain::{source_quota::Quota, timeline::DeadLetter};
use futures::StreamExt as _;
use lapin::{
    BasicProperties,
    options::{BasicGetOptions, BasicNackOptions},
    types::{AMQPValue, FieldTable},
};
use ports::{BrokerDeadLetter, Bus as _, Dead, Notification};
use test_servers::rabbitmq;

use crate::setup::{
    PATIENCE, STANDARD, bus, channel, config, event, event_of, get_raw, next, publish_raw, until_ready,
};

/// The first dead letters, once there are so many.
async fn broker_dead_letters(bus: &RabbitBus, count: usize) -> Vec<BrokerDeadLetter> {
    let letters = bus.broker_dead_letters(100).await.unwrap();
    let wait = letters.take(count).collect();
    tokio::time::timeout(PATIENCE, wait).await.expect("the dead letters are as expected in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_lie_on_the_broker_with_their_reason_until_they_are_taken_off() {
    let config = config(rabbitmq(), "announced");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let letter = DeadLetter {
        reason: "refused".into(),
        error: "HTTP 400, code 21211".into(),
        attempts: 2,
        event_id: Some("e-1".into()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        ..conformance::fixture::letter("announced", 1, 0)
    };
    bus.notify(Notification::DeadLetter(Box::new(letter.clone())));
    // Far more often than brokers from 4.0 on hand anything out by default.
    for _ in 0..25 {
        let found = broker_dead_letters(&bus, 1).await;
        assert_eq!(found[0].what, Dead::Notified(letter.id.clone()));
    }
    let taken = broker_dead_letters(&bus, 1).await.remove(0);
    assert!(taken.acker.ack().await.unwrap());
    until_ready(&raw, &names.dead(), 0).await;

    bus.notify(Notification::DeadLetter(Box::new(letter.clone())));
    let message = get_raw(&raw, &names.dead()).await;
    let headers = message.properties.headers().clone().unwrap();
    let header = |name: &str| match headers.inner().get(name) {
        Some(lapin::types::AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(header("reason"), "refused");
    assert_eq!(header("error"), letter.error);
    assert_eq!(header("event-id"), "e-1");
    assert_eq!(header("traceparent"), letter.traceparent.unwrap());
    assert_eq!(message.routing_key.as_str(), "dead.refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_kills_every_worker_ends_in_the_dead_letters_of_the_broker() {
    let config = config(rabbitmq(), "poison");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let poison = event("poison", 1);
    bus.publish_events(std::slice::from_ref(&poison), Quota::Within).await.unwrap();
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();
    for _ in 0..=DELIVERY_LIMIT {
        let delivery = next(&mut deliveries).await;
        assert_eq!(event_of(&delivery), poison);
        drop(delivery);
    }
    let mut found = broker_dead_letters(&bus, 1).await;
    let Dead::GivenUp(letter) = found.remove(0).what else { panic!("the bus did not publish it") };
    assert_eq!(letter.reason, "poison");
    assert!(letter.error.contains("events.standard"), "{}", letter.error);
    assert_eq!(
        (letter.source.as_ref(), letter.event_id.as_ref()),
        (Some(&poison.key.source), Some(&poison.key.id))
    );
    assert_eq!(letter.event.map(String::into_bytes), Some(poison.to_json()));
    let dead = get_raw(&raw, &names.dead()).await;
    assert_eq!(dead.data, poison.to_json());
    assert_eq!(dead.routing_key.as_str(), "poison.events.standard");
    assert_eq!(bus.depth(STANDARD).await.unwrap(), 0);
}

/// Nobody read it, so nobody asked who published it: the replay does.
#[tokio::test(flavor = "multi_thread")]
async fn f8_an_event_that_its_producer_let_expire_is_a_dead_letter_that_says_so() {
    let config = config(rabbitmq(), "expired");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let expired = event("expired", 1);
    let mut headers = FieldTable::default();
    headers.insert("x-mine".into(), AMQPValue::LongString("1".into()));
    let properties = BasicProperties::default()
        .with_expiration("1".into())
        .with_user_id("guest".into())
        .with_headers(headers);
    publish_raw(&raw, &names.events(), conformance::bus::STANDARD, &expired.to_json(), properties).await;
    let Dead::GivenUp(letter) = broker_dead_letters(&bus, 1).await.remove(0).what else {
        panic!("the bus did not publish it")
    };
    assert_eq!(letter.reason, "expired");
    assert!(letter.error.starts_with("expired before it was read"), "{}", letter.error);
    assert_eq!(letter.event_id.as_ref(), Some(&expired.key.id));
    let origin = letter.origin.unwrap();
    assert_eq!(origin.user.as_deref(), Some("guest"));
    assert_eq!(origin.headers, [("x-mine".to_owned(), "1".to_owned())].into());
}

/// Traps 5 and 6: a queue without a limit of its own deletes on its 21st return from 4.0 on, and one with `-1` on its
/// first before.
#[tokio::test(flavor = "multi_thread")]
async fn looking_at_dead_letters_again_and_again_deletes_none() {
    let config = config(rabbitmq(), "look");
    let raw = channel(&config.url).await;
    let (_bus, names) = bus(config).await;
    let properties = BasicProperties::default().with_delivery_mode(2);
    publish_raw(&raw, &names.commands(), "nowhere", b"kept", properties).await;
    for _ in 0..30 {
        until_ready(&raw, &names.unrouted(), 1).await;
        let options = BasicGetOptions { no_ack: false };
        let got = raw.basic_get(names.unrouted().as_str().into(), options).await.unwrap().unwrap();
        let back = BasicNackOptions { requeue: true, ..Default::default() };
        assert!(got.delivery.acker.nack(back).await.unwrap());
    }
    assert_eq!(get_raw(&raw, &names.unrouted()).await.data, b"kept");
}
