//! Events between their acceptance and their end. In: accepted events. Out: a panic where one is lost, or comes back
//! too early. Never: looks at how a ledger counts.

use std::sync::Arc;

use domain::event::{Event, EventKey};
use ports::{EventLedger, PendingEvent};

use crate::{
    bus::{STANDARD, event},
    fixture::at,
};

fn events(case: &'static str, count: u32) -> Vec<Event> {
    (0..count).map(|n| event(case, n, STANDARD)).collect()
}

fn keys(events: &[Event]) -> Vec<EventKey> {
    events.iter().map(|event| event.key.clone()).collect()
}

/// The events that are overdue, in the order of their ids, and how often each was published again.
async fn overdue(ledger: &dyn EventLedger, second: i64) -> Vec<(String, u32)> {
    let pending = ledger.overdue(at(second)).await.unwrap();
    let mut found: Vec<_> =
        pending.into_iter().map(|pending| (pending.event.key.id, pending.republished)).collect();
    found.sort();
    found
}

/// It is not published again while it may be on its way.
pub async fn an_accepted_event_is_overdue_after_half_a_minute(ledger: Arc<dyn EventLedger>) {
    let events = events("ledger_overdue", 2);
    ledger.accept(&events, at(0)).await.unwrap();
    assert_eq!(overdue(&*ledger, 29).await, []);
    let expected: Vec<_> = events.iter().map(|event| (event.key.id.clone(), 0)).collect();
    assert_eq!(overdue(&*ledger, 30).await, expected);
}

/// All of it comes back, so that it can be published again.
pub async fn an_overdue_event_reads_back_equal(ledger: Arc<dyn EventLedger>) {
    let events = events("ledger_equal", 1);
    ledger.accept(&events, at(0)).await.unwrap();
    let expected = PendingEvent { event: events[0].clone(), republished: 0 };
    assert_eq!(ledger.overdue(at(60)).await.unwrap(), [expected]);
}

/// And concluding it again changes nothing.
pub async fn a_concluded_event_is_gone(ledger: Arc<dyn EventLedger>) {
    let events = events("ledger_concluded", 2);
    ledger.accept(&events, at(0)).await.unwrap();
    ledger.conclude(&keys(&events[..1])).await.unwrap();
    ledger.conclude(&keys(&events[..1])).await.unwrap();
    assert_eq!(overdue(&*ledger, 60).await, [(events[1].key.id.clone(), 0)]);
}

/// A source that got no answer sends it again.
pub async fn accepting_an_event_again_changes_nothing(ledger: Arc<dyn EventLedger>) {
    let events = events("ledger_again", 1);
    ledger.accept(&events, at(0)).await.unwrap();
    ledger.accept(&events, at(25)).await.unwrap();
    assert_eq!(overdue(&*ledger, 30).await, [(events[0].key.id.clone(), 0)]);
}

/// Each time it waits longer, so that a backlog does not grow by its own repetitions.
pub async fn a_postponed_event_waits_longer_each_time(ledger: Arc<dyn EventLedger>) {
    let events = events("ledger_postponed", 1);
    let id = events[0].key.id.clone();
    ledger.accept(&events, at(0)).await.unwrap();
    let first = ledger.overdue(at(30)).await.unwrap().remove(0);
    ledger.postpone(&first, at(30)).await.unwrap();
    assert_eq!(overdue(&*ledger, 89).await, []);
    assert_eq!(overdue(&*ledger, 90).await, [(id, 1)]);
    let second = ledger.overdue(at(90)).await.unwrap().remove(0);
    ledger.postpone(&second, at(90)).await.unwrap();
    assert_eq!(overdue(&*ledger, 209).await, []);
}

/// What ended in the meantime does not come back.
pub async fn a_concluded_event_cannot_be_postponed(ledger: Arc<dyn EventLedger>) {
    let events = events("ledger_late", 1);
    ledger.accept(&events, at(0)).await.unwrap();
    let pending = ledger.overdue(at(30)).await.unwrap().remove(0);
    ledger.conclude(&keys(&events)).await.unwrap();
    ledger.postpone(&pending, at(30)).await.unwrap();
    assert_eq!(overdue(&*ledger, 10_000).await, []);
}

/// Of several processes one publishes again.
pub async fn a_sweep_is_claimed_once(ledger: Arc<dyn EventLedger>) {
    assert!(ledger.claim_sweep(60_000).await.unwrap());
    assert!(!ledger.claim_sweep(60_000).await.unwrap());
}
