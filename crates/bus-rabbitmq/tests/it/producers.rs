//! Producers of all kinds. In: what they publish. Out: events as they would come over HTTP, or a reason.

use std::collections::BTreeSet;

use bus_rabbitmq::{Grant, PublisherAuth, RabbitConfig};
use conformance::bus::STANDARD as KIND;
use domain::{broker_origin::BrokerOrigin, event::Event, source_quota::Quota};
use futures::stream::BoxStream;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use ports::{Bus as _, Delivery, Payload, Queue};
use test_servers::{RabbitMq, rabbitmq};

use crate::setup::{STANDARD, bus, channel, config, event, event_of, in_ms, next, publish_raw, until_ready};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_binary_mode_arrives_as_a_structured_one() {
    let config = config(rabbitmq(), "binary");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let sent = event("binary", 1);
    let mut headers = FieldTable::default();
    let time = sent.time.unwrap().to_string();
    for (name, value) in [
        ("specversion", "1.0"),
        ("id", &sent.key.id),
        ("source", &sent.key.source),
        ("type", KIND),
        ("subject", sent.subject.as_ref().unwrap()),
        ("time", &time),
    ] {
        headers.insert(format!("cloudEvents:{name}").into(), AMQPValue::LongString(value.into()));
    }
    let properties =
        BasicProperties::default().with_headers(headers).with_content_type("application/json".into());
    let data = serde_json::to_vec(&sent.data).unwrap();
    publish_raw(&raw, &names.events(), KIND, &data, properties).await;
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();
    let delivery = next(&mut deliveries).await;
    assert_eq!(event_of(&delivery), sent);
    delivery.acker.retry_at(in_ms(0)).await.unwrap();
    let again = next(&mut deliveries).await;
    assert_eq!(event_of(&again), sent);
    assert!(again.acker.ack().await.unwrap());
}

/// Spelled as the RabbitMQ binding spells it, with values of other types, and data that no parser takes.
#[tokio::test(flavor = "multi_thread")]
async fn d9_an_event_that_cannot_be_taken_keeps_its_headers_through_a_delay() {
    let config = config(rabbitmq(), "identity");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let mut headers = FieldTable::default();
    let id = AMQPValue::ByteArray(b"e-1".as_slice().into());
    for (name, value) in [("source", AMQPValue::LongString("monitor".into())), ("id", id)] {
        headers.insert(format!("ce-{name}").into(), value);
    }
    let properties = BasicProperties::default()
        .with_headers(headers)
        .with_content_type("text/plain".into())
        .with_user_id("guest".into());
    publish_raw(&raw, &names.events(), KIND, b"down", properties).await;
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();
    for _ in 0..2 {
        let delivery = next(&mut deliveries).await;
        let Payload::Event(body) = &delivery.payload else { panic!("{:?}", delivery.payload) };
        let known = (Some("monitor".to_owned()), Some("e-1".to_owned()));
        assert_eq!(domain::cloud_event::identity(body), known);
        let kept = [header("ce-id", "e-1"), header("ce-source", "monitor")];
        let origin = BrokerOrigin::new(Some("guest".to_owned()), Some("text/plain".to_owned()), kept);
        assert_eq!(delivery.origin.as_deref(), Some(&origin));
        assert!(Event::from_json(body).is_err());
        delivery.acker.retry_at(in_ms(0)).await.unwrap();
    }
    assert!(next(&mut deliveries).await.acker.ack().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_larger_than_a_frame_arrives_whole() {
    let (bus, _) = bus(config(rabbitmq(), "frames")).await;
    let mut large = event("frames", 1);
    large.data.insert("text".to_owned(), "x".repeat(30_000).into());
    bus.publish_events(std::slice::from_ref(&large), Quota::Within).await.unwrap();
    let delivery = next(&mut bus.consume(STANDARD, 1).await.unwrap()).await;
    assert_eq!(event_of(&delivery).data, large.data);
    assert!(delivery.acker.ack().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_read_arrives_with_its_reason() {
    let config = config(rabbitmq(), "unreadable");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    for (kind, body) in [("callout.command.v1", "{\"do\":\"dance\"}"), ("callout.command.v9", "{}")] {
        let properties = BasicProperties::default().with_type(kind.into());
        publish_raw(&raw, &names.commands(), "escalation", body.as_bytes(), properties).await;
    }
    let mut deliveries = bus.consume(Queue::Escalation, 2).await.unwrap();
    for expected in ["no command of this version", "callout.command.v9"] {
        let delivery = next(&mut deliveries).await;
        let Payload::Unreadable { reason, .. } = &delivery.payload else { panic!("{:?}", delivery.payload) };
        assert!(reason.contains(expected), "{reason}");
        assert!(delivery.acker.ack().await.unwrap());
    }
}

/// A command among the events of a producer, however it calls it, is an event that does not parse.
#[tokio::test(flavor = "multi_thread")]
async fn a_producer_cannot_give_commands_or_hide_its_events() {
    let config = config(rabbitmq(), "commands");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let mut headers = FieldTable::default();
    headers.insert("fire-at".into(), AMQPValue::LongLongInt(i64::MAX / 1_000_000));
    let properties = BasicProperties::default().with_type("callout.command.v1".into()).with_headers(headers);
    publish_raw(&raw, &names.events(), KIND, b"{}", properties).await;
    let delivery = next(&mut bus.consume(STANDARD, 1).await.unwrap()).await;
    assert_eq!(delivery.payload, Payload::Event(b"{}".to_vec()));
    assert!(delivery.acker.ack().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_trusted_users_are_heard_and_trust_outlives_a_delay() {
    let grant = Grant { source: "trusted".to_owned(), types: vec![KIND.to_owned()] };
    let spare = (!rabbitmq().is_own()).then(RabbitMq::private);
    let broker = spare.as_ref().unwrap_or_else(|| rabbitmq());
    broker.ctl(&["add_user", "producer", "secret"]);
    broker.ctl(&["set_permissions", "producer", "^$", ".*", "^$"]);
    let auth = PublisherAuth { own: BTreeSet::new(), producers: [("producer".to_owned(), grant)].into() };
    let config = RabbitConfig { publisher_auth: Some(auth), ..config(broker, "trust") };
    let raw = channel(&config.url.replace("guest:guest", "producer:secret")).await;
    let (bus, names) = bus(config).await;
    let vouched = BasicProperties::default().with_user_id("producer".into());
    let (trusted, other) = (event("trusted", 1), event("other", 1));
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();

    publish_raw(&raw, &names.events(), KIND, &trusted.to_json(), vouched.clone()).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(event_of(&delivery), trusted);
    delivery.acker.retry_at(in_ms(0)).await.unwrap();
    let again = next(&mut deliveries).await;
    assert_eq!(event_of(&again), trusted);
    assert!(again.acker.ack().await.unwrap());

    publish_raw(&raw, &names.events(), KIND, &other.to_json(), vouched).await;
    refused(&mut deliveries, &other, "does not speak for").await;
    publish_raw(&raw, &names.events(), KIND, &trusted.to_json(), BasicProperties::default()).await;
    refused(&mut deliveries, &trusted, "no user-id").await;
}

/// As `callout dlq replay` publishes it: by a user of ours, which alone would be trusted.
#[tokio::test(flavor = "multi_thread")]
async fn f1_a_replayed_event_is_refused_again_because_of_who_published_it_first() {
    let grant = Grant { source: "granted".to_owned(), types: vec![KIND.to_owned()] };
    let auth = PublisherAuth { own: BTreeSet::new(), producers: [("producer".to_owned(), grant)].into() };
    let config = RabbitConfig { publisher_auth: Some(auth), ..config(rabbitmq(), "replayed") };
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();
    let of = |user: Option<&str>| BrokerOrigin::new(user.map(str::to_owned), None, [header("x-mine", "1")]);
    let (forged, granted) = (event("forged", 1), event("granted", 1));
    for (user, sent, refusal) in [
        (Some("stranger"), &forged, Some("\"stranger\" is not trusted")),
        (Some("producer"), &forged, Some("does not speak for")),
        (None, &forged, Some("no user-id")),
        (Some("producer"), &granted, None),
    ] {
        bus.republish_event(sent, &of(user)).await.unwrap();
        // Also after a delay, whose copy is one of ours again.
        for is_last in [false, true] {
            let delivery = next(&mut deliveries).await;
            assert_eq!(delivery.origin.as_deref(), Some(&of(user)));
            match (&delivery.payload, refusal) {
                (Payload::Event(body), None) => assert_eq!(body, &sent.to_json()),
                (Payload::Unreadable { reason, .. }, Some(refusal)) => {
                    assert!(reason.contains(refusal), "{reason}")
                }
                (payload, _) => panic!("{user:?}: {payload:?}"),
            }
            if is_last {
                assert!(delivery.acker.ack().await.unwrap());
            } else {
                delivery.acker.retry_at(in_ms(0)).await.unwrap();
            }
        }
    }
    // A producer that writes the headers of a replay has no user at all.
    let mut headers = FieldTable::default();
    headers.insert("callout-user".into(), AMQPValue::LongString("producer".into()));
    let properties = BasicProperties::default().with_headers(headers);
    publish_raw(&raw, &names.events(), KIND, &granted.to_json(), properties).await;
    refused(&mut deliveries, &granted, "no user-id").await;
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Trap 8: what is returned in a pipeline is taken for something else, and so nothing of ours is published to be returned.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_no_binding_takes_are_found_among_many_in_flight() {
    const EVENTS: u32 = 1_000;
    let config = config(rabbitmq(), "pipeline");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    // Nothing takes them now, the standard lane and its fallback included.
    let lane = names.queue(STANDARD);
    let fallback = format!("{}.other", names.events());
    for (exchange, key) in [(names.events(), KIND), (fallback, "")] {
        let (queue, exchange) = (lane.as_str().into(), exchange.as_str().into());
        raw.queue_unbind(queue, exchange, key.into(), FieldTable::default()).await.unwrap();
    }
    let kind = |n: u32| if n.is_multiple_of(5) { KIND } else { conformance::bus::BULK };
    let events: Vec<_> = (0..EVENTS).map(|n| conformance::bus::event("pipeline", n, kind(n))).collect();
    bus.publish_events(&events, Quota::Within).await.unwrap();
    assert_eq!(
        bus.depth(Queue::Events(domain::workflow::Lane::Bulk)).await.unwrap(),
        u64::from(EVENTS / 5 * 4)
    );
    until_ready(&raw, &names.unrouted(), EVENTS / 5).await;
}

async fn refused(deliveries: &mut BoxStream<'static, Delivery>, event: &Event, expected: &str) {
    let delivery = next(deliveries).await;
    let Payload::Unreadable { body, reason } = &delivery.payload else { panic!("{:?}", delivery.payload) };
    assert_eq!(body, &event.to_json());
    assert!(reason.contains(expected), "{reason}");
    assert!(delivery.acker.ack().await.unwrap());
}
