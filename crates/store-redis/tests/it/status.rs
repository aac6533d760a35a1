//! How long accepted events have waited. In: events that were accepted, and published again. Out: when the oldest was.

use conformance::{
    bus::{STANDARD, event},
    fixture::at,
};
use domain::status::Waiting;
use ports::{EventLedger as _, PendingEvent, StatusStore as _};

use crate::setup;

/// When an event was accepted is not stored; when it is to be published again is.
#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_accepted_event_is_found_also_once_it_was_published_again() {
    let store = setup::store("oldest").await;
    let events: Vec<_> = (0..3).map(|n| event("oldest", n, STANDARD)).collect();
    for (event, seconds) in events.iter().zip([20, 10, 30]) {
        store.accept(std::slice::from_ref(event), at(seconds)).await.unwrap();
    }
    let waits = async || store.backlog(at(100), &[]).await.unwrap().events;
    assert_eq!(waits().await, Waiting { count: 3, since: Some(at(10)) });
    let oldest = PendingEvent { event: events[1].clone(), republished: 0 };
    store.postpone(&oldest, at(40)).await.unwrap();
    let again = PendingEvent { republished: 1, ..oldest };
    store.postpone(&again, at(100)).await.unwrap();
    assert_eq!(waits().await, Waiting { count: 3, since: Some(at(10)) });
    store.conclude(&[events[1].key.clone()]).await.unwrap();
    assert_eq!(waits().await, Waiting { count: 2, since: Some(at(20)) });
}
