//! What a restart keeps, and what it makes again.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{collections::BTreeSet, time::Duration};

use conformance::{
    bus::{CRITICAL, event},
    fixture::{Opening, acknowledged, at, entry, load, number, open_new},
};
use domain::{consent::ConsentChange, event::Event, source_quota::Quota, workflow::Lane};
use futures::{StreamExt as _, stream::BoxStream};
use jiff::SignedDuration;
use ports::{Clock as _, Delivery, Payload, Queue, SystemClock};

use crate::setup::{fresh, open};

const LANE: Queue = Queue::Events(Lane::Critical);

async fn next(deliveries: &mut BoxStream<'static, Delivery>) -> Delivery {
    tokio::time::timeout(Duration::from_secs(20), deliveries.next()).await.unwrap().unwrap()
}

fn event_of(delivery: &Delivery) -> Event {
    match &delivery.payload {
        Payload::Event(bytes) => Event::from_json(bytes).unwrap(),
        other => panic!("{other:?} is no event"),
    }
}

#[tokio::test]
async fn runs_and_consent_are_there_after_a_restart() {
    let case = "after_restart";
    let (embedded, directory) = fresh();
    let first = Opening::new(case, 1).change();
    open_new(&*embedded.store(), &first).await;
    let next = acknowledged(&first.run, at(1));
    embedded.store().change_run(next.clone(), 1).await.unwrap();
    let stop = entry(&number(case, 1), ConsentChange::OptOut, 1);
    embedded.store().record_consent(&stop).await.unwrap();
    embedded.close().await;
    let embedded = open(directory.path());
    let stored = load(&*embedded.store(), &first.run).await;
    assert_eq!((stored.value, stored.version), (next.run, 2));
    assert_eq!(embedded.store().consent(&number(case, 1)).await.unwrap().opted_out_since(), Some(at(1)));
    assert_eq!(embedded.store().next_due().await.unwrap(), next.due);
}

#[tokio::test]
async fn unanswered_events_are_redelivered_after_a_restart_and_answered_ones_are_not() {
    let (embedded, directory) = fresh();
    let events: Vec<Event> = (0..3).map(|n| event("unanswered", n, CRITICAL)).collect();
    embedded.bus().publish_events(&events, Quota::Within).await.unwrap();
    let mut deliveries = embedded.bus().consume(LANE, 2).await.unwrap();
    next(&mut deliveries).await.acker.ack().await.unwrap();
    let _unanswered = next(&mut deliveries).await;
    embedded.close().await;

    let embedded = open(directory.path());
    assert_eq!(embedded.bus().depth(LANE).await.unwrap(), 2);
    let fresh_event = event("unanswered", 9, CRITICAL);
    embedded.bus().publish_events(std::slice::from_ref(&fresh_event), Quota::Within).await.unwrap();
    let mut deliveries = embedded.bus().consume(LANE, 10).await.unwrap();
    for expected in [(&events[1], true), (&events[2], true), (&fresh_event, false)] {
        let delivery = next(&mut deliveries).await;
        assert_eq!((&event_of(&delivery), delivery.redelivered), expected);
        delivery.acker.ack().await.unwrap();
    }
    assert_eq!(embedded.bus().depth(LANE).await.unwrap(), 0);
}

#[tokio::test]
async fn due_rows_get_their_timers_again_after_a_restart() {
    let (embedded, directory) = fresh();
    let soon = SystemClock.now() + SignedDuration::from_secs(2);
    open_new(&*embedded.store(), &Opening::new("timers_again", 1).due(soon)).await;
    embedded.close().await;
    let embedded = open(directory.path());
    let mut deliveries = embedded.bus().consume(Queue::Escalation, 1).await.unwrap();
    let delivery = next(&mut deliveries).await;
    assert!(matches!(delivery.payload, Payload::Timer(_)), "{:?}", delivery.payload);
    assert!(SystemClock.now() >= soon, "it fired early");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_beyond_what_memory_holds_is_delivered_once_and_in_order() {
    const COUNT: u32 = 12_500;
    let (embedded, directory) = fresh();
    let bus = embedded.bus();
    let events: Vec<Event> = (0..COUNT).map(|n| event("backlog", n, CRITICAL)).collect();
    for batch in events.chunks(500) {
        bus.publish_events(batch, Quota::Within).await.unwrap();
    }
    let mut deliveries = bus.consume(LANE, 500).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < COUNT as usize {
        // A whole window is answered at once, so that the answers share a commit.
        let mut window = Vec::new();
        for _ in 0..500.min(COUNT as usize - seen.len()) {
            window.push(next(&mut deliveries).await);
        }
        seen.extend(window.iter().map(|delivery| event_of(delivery).key.id));
        let answers = window.into_iter().map(|delivery| delivery.acker.ack());
        futures::future::try_join_all(answers).await.unwrap();
    }
    assert!(seen.iter().eq(events.iter().map(|event| &event.key.id)));
    assert_eq!(bus.depth(LANE).await.unwrap(), 0);
    drop((deliveries, bus));
    embedded.close().await;
    assert_eq!(open(directory.path()).bus().depth(LANE).await.unwrap(), 0);
}

#[tokio::test]
async fn an_unanswered_event_of_an_earlier_process_can_be_delayed_and_answered() {
    let (embedded, directory) = fresh();
    let events: Vec<Event> = (0..50).map(|n| event("delayed", n, CRITICAL)).collect();
    embedded.bus().publish_events(&events, Quota::Within).await.unwrap();
    drop(embedded);
    let embedded = open(directory.path());
    let mut deliveries = embedded.bus().consume(LANE, 10).await.unwrap();
    for _ in &events {
        let at = SystemClock.now() + SignedDuration::from_millis(200);
        next(&mut deliveries).await.acker.retry_at(at).await.unwrap();
    }
    let mut seen = BTreeSet::new();
    for _ in &events {
        let delivery = next(&mut deliveries).await;
        seen.insert(event_of(&delivery).key);
        delivery.acker.ack().await.unwrap();
    }
    assert_eq!(seen.len(), events.len());
    assert_eq!(embedded.bus().depth(LANE).await.unwrap(), 0);
}

#[tokio::test]
async fn every_accepted_event_is_pending_or_concluded_also_after_a_restart() {
    let (embedded, directory) = fresh();
    let events: Vec<Event> = (0..3).map(|n| event("ledger", n, CRITICAL)).collect();
    embedded.bus().publish_events(&events, Quota::Within).await.unwrap();
    let mut deliveries = embedded.bus().consume(LANE, 1).await.unwrap();
    assert!(next(&mut deliveries).await.acker.ack().await.unwrap());
    let counts = embedded.store().audit_counts().await.unwrap();
    assert_eq!((counts.events.accepted, counts.events.concluded, counts.events.pending), (3, 1, 2));
    assert!(counts.balances());
    drop(deliveries);
    embedded.close().await;
    let embedded = open(directory.path());
    assert_eq!(embedded.store().audit_counts().await.unwrap().events, counts.events);
}
