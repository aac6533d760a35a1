//! Events on their way. In: published events. Out: a panic where one is lost, changed or in the wrong lane.
//!
//! Never: relies on the order of deliveries.

use std::{collections::BTreeSet, sync::Arc};

use domain::{broker_origin::BrokerOrigin, source_quota::Quota, workflow::Lane};
use ports::{Bus, Payload, Queue};

use super::{
    BULK, CRITICAL, QUEUE, STANDARD, ack, becomes, consume, depth_becomes, event, event_of, next, nothing,
    publish,
};

/// Byte for byte, and for the first time.
pub async fn a_published_event_arrives_unchanged(bus: Arc<dyn Bus>) {
    let sent = publish(&*bus, "unchanged", 1).await;
    let mut deliveries = consume(&*bus, QUEUE, 10).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.payload, Payload::Event(sent[0].to_json()));
    assert_eq!(event_of(&delivery), sent[0]);
    assert!(!delivery.redelivered);
    ack(delivery).await;
}

/// Pages do not wait behind invoices.
pub async fn an_event_waits_in_the_lane_of_its_type(bus: Arc<dyn Bus>) {
    let case = "lane_of_type";
    let kinds = [(CRITICAL, Lane::Critical), (STANDARD, Lane::Standard), (BULK, Lane::Bulk)];
    bus.publish_events(&kinds.map(|(kind, _)| event(case, 1, kind)), Quota::Within).await.unwrap();
    for (kind, lane) in kinds {
        let mut deliveries = consume(&*bus, Queue::Events(lane), 10).await;
        let delivery = next(&mut deliveries).await;
        assert_eq!(event_of(&delivery), event(case, 1, kind));
        ack(delivery).await;
        nothing(&mut deliveries).await;
    }
}

/// Once, and nowhere else.
pub async fn an_event_beyond_its_sources_quota_waits_one_lane_lower(bus: Arc<dyn Bus>) {
    let kinds = [CRITICAL, STANDARD, BULK];
    let flood = kinds.map(|kind| event("beyond_share", 1, kind));
    bus.publish_events(&flood, Quota::Exceeded).await.unwrap();
    let mut arrived = BTreeSet::new();
    for (lane, count) in [(Lane::Critical, 0), (Lane::Standard, 1), (Lane::Bulk, 2)] {
        let mut deliveries = consume(&*bus, Queue::Events(lane), 10).await;
        for _ in 0..count {
            let delivery = next(&mut deliveries).await;
            arrived.insert((lane, event_of(&delivery).kind));
            ack(delivery).await;
        }
        nothing(&mut deliveries).await;
    }
    let expected = [(Lane::Standard, CRITICAL), (Lane::Bulk, STANDARD), (Lane::Bulk, BULK)];
    assert_eq!(arrived, expected.map(|(lane, kind)| (lane, kind.to_owned())).into());
}

/// Its workers dead-letter it, so that an operator sees it.
pub async fn a_type_without_a_lane_waits_in_the_standard_one(bus: Arc<dyn Bus>) {
    let unknown = event("no_lane", 1, "conformance.unknown");
    bus.publish_events(std::slice::from_ref(&unknown), Quota::Within).await.unwrap();
    let mut deliveries = consume(&*bus, QUEUE, 10).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(event_of(&delivery), unknown);
    ack(delivery).await;
}

/// Where nobody asks who sent it, it is an event as any other.
pub async fn the_event_of_a_dead_letter_is_published_again_unchanged(bus: Arc<dyn Bus>) {
    let sent = event("published_again", 1, STANDARD);
    let origin = BrokerOrigin { user: Some("billing".to_owned()), ..BrokerOrigin::default() };
    bus.republish_event(&sent, &origin).await.unwrap();
    let mut deliveries = consume(&*bus, QUEUE, 10).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(event_of(&delivery), sent);
    ack(delivery).await;
}

/// Also if it is larger than anything that is fetched at once.
pub async fn every_event_of_a_batch_arrives(bus: Arc<dyn Bus>) {
    const COUNT: u32 = 500;
    let sent = publish(&*bus, "batch", COUNT).await;
    bus.publish_events(&[], Quota::Within).await.unwrap();
    let mut deliveries = consume(&*bus, QUEUE, 64).await;
    let mut arrived = BTreeSet::new();
    for _ in 0..COUNT {
        let delivery = next(&mut deliveries).await;
        assert!(arrived.insert(event_of(&delivery).key), "none arrives twice");
        ack(delivery).await;
    }
    assert_eq!(arrived, sent.into_iter().map(|event| event.key).collect());
    nothing(&mut deliveries).await;
}

/// And the first consumer gets them without the redelivered flag.
pub async fn events_wait_for_a_consumer(bus: Arc<dyn Bus>) {
    publish(&*bus, "wait", 3).await;
    depth_becomes(&*bus, QUEUE, 3).await;
    let mut deliveries = consume(&*bus, QUEUE, 10).await;
    publish(&*bus, "wait_more", 1).await;
    for _ in 0..4 {
        let delivery = next(&mut deliveries).await;
        assert!(!delivery.redelivered);
        ack(delivery).await;
    }
}

/// Until it is answered for good.
pub async fn depth_counts_waiting_and_unacked_events(bus: Arc<dyn Bus>) {
    publish(&*bus, "depth", 3).await;
    depth_becomes(&*bus, QUEUE, 3).await;
    let mut deliveries = consume(&*bus, QUEUE, 1).await;
    let delivery = next(&mut deliveries).await;
    depth_becomes(&*bus, QUEUE, 3).await;
    ack(delivery).await;
    depth_becomes(&*bus, QUEUE, 2).await;
    assert_eq!(bus.depth(Queue::Events(Lane::Bulk)).await.unwrap(), 0);
}

/// Also when one goes without a word.
pub async fn consumers_are_counted_while_they_are_there(bus: Arc<dyn Bus>) {
    let counted = async |count| becomes(count, async || bus.consumers(QUEUE).await.unwrap()).await;
    counted(0).await;
    let first = consume(&*bus, QUEUE, 1).await;
    counted(1).await;
    let second = consume(&*bus, QUEUE, 1).await;
    counted(2).await;
    assert_eq!(bus.consumers(Queue::Events(Lane::Bulk)).await.unwrap(), 0);
    drop(first);
    counted(1).await;
    drop(second);
    counted(0).await;
}
