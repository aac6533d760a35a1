//! The cases of the `Bus` contract, by concept, and what they share.
//!
//! In: a fresh, empty bus that knows [`lanes`]. Out: a panic where it breaks its contract.
//! Never: mistakes a slow delivery for a lost one; every wait has a generous limit.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

pub mod answers;
pub mod events;
pub mod timers;
pub mod wake_ups;

use std::{collections::BTreeMap, time::Duration};

use domain::{
    event::{Event, EventKey},
    source_quota::Quota,
    workflow::Lane,
};
use futures::{StreamExt as _, stream::BoxStream};
use ports::{Bus, Delivery, Payload, Queue};
use serde_json::json;

/// The type of events that wait in the critical lane.
pub const CRITICAL: &str = "conformance.critical";
/// The type of events that wait in the standard lane.
pub const STANDARD: &str = "conformance.standard";
/// The type of events that wait in the bulk lane.
pub const BULK: &str = "conformance.bulk";

/// How long a delivery may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long no delivery must come for a queue to count as quiet.
const QUIET: Duration = Duration::from_millis(500);

/// The lanes that a fresh bus must be made with.
pub fn lanes() -> BTreeMap<String, Lane> {
    [(CRITICAL, Lane::Critical), (STANDARD, Lane::Standard), (BULK, Lane::Bulk)]
        .map(|(kind, lane)| (kind.to_owned(), lane))
        .into()
}

/// The `n`th event of a case, of this type.
pub fn event(case: &str, n: u32, kind: &str) -> Event {
    Event {
        key: EventKey { source: case.to_owned(), id: format!("{case}-{n}") },
        kind: kind.to_owned(),
        subject: Some(format!("{case}/db-1")),
        time: Some(crate::fixture::at_ms(1_234)),
        data: [("title".to_owned(), json!("größer als \u{1f525} 100 %")), ("n".to_owned(), json!(n))]
            .into_iter()
            .collect(),
        traceparent: None,
    }
}

/// The standard lane's queue, where most cases take place.
const QUEUE: Queue = Queue::Events(Lane::Standard);

async fn publish(bus: &dyn Bus, case: &str, count: u32) -> Vec<Event> {
    let events: Vec<Event> = (1..=count).map(|n| event(case, n, STANDARD)).collect();
    bus.publish_events(&events, Quota::Within).await.unwrap();
    events
}

async fn consume(bus: &dyn Bus, queue: Queue, prefetch: u16) -> BoxStream<'static, Delivery> {
    bus.consume(queue, prefetch).await.unwrap()
}

/// The next delivery, which must come.
async fn next(deliveries: &mut BoxStream<'static, Delivery>) -> Delivery {
    let next = tokio::time::timeout(PATIENCE, deliveries.next()).await;
    next.expect("a delivery comes in time").expect("the stream goes on")
}

/// No further delivery comes.
async fn nothing(deliveries: &mut BoxStream<'static, Delivery>) {
    let next = tokio::time::timeout(QUIET, deliveries.next()).await;
    assert!(
        next.is_err(),
        "nothing was to come, but {:?} did",
        next.unwrap().map(|delivery| delivery.payload)
    );
}

async fn ack(delivery: Delivery) {
    assert!(delivery.acker.ack().await.unwrap(), "the answer came in time");
}

fn event_of(delivery: &Delivery) -> Event {
    match &delivery.payload {
        Payload::Event(bytes) => Event::from_json(bytes).unwrap(),
        other => panic!("{other:?} is no event"),
    }
}

/// Waits until a queue has this depth.
async fn depth_becomes(bus: &dyn Bus, queue: Queue, depth: u64) {
    becomes(depth, async || bus.depth(queue).await.unwrap()).await;
}

/// Waits until a server counts this many.
async fn becomes<T: PartialEq + std::fmt::Debug>(expected: T, count: impl AsyncFn() -> T) {
    let wait = async {
        while count().await != expected {
            // A server updates its counts with a delay; each query takes a round trip.
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, wait).await;
    assert!(found.is_ok(), "it is {:?}, not {expected:?}", count().await);
}
