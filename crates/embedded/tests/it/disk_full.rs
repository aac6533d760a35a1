//! A full disk refuses what does not fit, keeps what it accepted, and goes on when there is room.

use conformance::{
    bus::{BULK, event},
    fixture::{Opening, at_once, load, open_new, opening},
};
use domain::{source_quota::Quota, workflow::Lane};
use embedded::{Embedded, EmbeddedConfig};
use futures::StreamExt as _;
use ports::{BusError, Opened, Queue, StoreError};

use crate::setup::config;

const LANE: Queue = Queue::Events(Lane::Bulk);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_left_no_trace_and_what_was_accepted_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let small = EmbeddedConfig { max_pages: Some(150), ..config(directory.path()) };
    let embedded = Embedded::open(small).unwrap();
    let store = embedded.store();
    // All at once, so that those which fit share their transactions with those which do not.
    let opened = at_once(600, |n| {
        let (store, change) = (store.clone(), Opening::new("disk_full", n).change());
        async move {
            (change.clone(), store.open_run(change.clone(), opening(&change, change.run.opened_at())).await)
        }
    })
    .await;
    let accepted = opened.iter().filter(|(_, opened)| opened.is_ok()).count();
    assert!(accepted > 20 && accepted < 600, "{accepted} of 600 fit");
    drop(store);
    embedded.close().await;

    let embedded = Embedded::open(config(directory.path())).unwrap();
    for (change, opened) in &opened {
        match opened {
            Ok(Opened::New { .. }) => {
                assert_eq!(load(&*embedded.store(), &change.run).await.value, change.run);
                assert_eq!(
                    embedded.store().timeline(change.run.id()).await.unwrap(),
                    change.effects.timeline
                );
            }
            Err(StoreError::Full(_)) => {
                assert_eq!(embedded.store().load_run(change.run.id()).await.unwrap(), None);
                assert_eq!(embedded.store().timeline(change.run.id()).await.unwrap(), []);
                open_new(&*embedded.store(), change).await;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn answered_events_make_room_for_new_ones() {
    let directory = tempfile::tempdir().unwrap();
    let embedded =
        Embedded::open(EmbeddedConfig { max_pages: Some(100), ..config(directory.path()) }).unwrap();
    let bus = embedded.bus();
    let mut accepted = 0;
    let refused = loop {
        match bus.publish_events(&[event("makes_room", accepted, BULK)], Quota::Within).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, BusError::Full(_)), "{refused:?}");
    assert_eq!(bus.depth(LANE).await.unwrap(), u64::from(accepted));
    let mut deliveries = bus.consume(LANE, 100).await.unwrap();
    for n in 0..accepted {
        let delivery = deliveries.next().await.unwrap();
        let ports::Payload::Event(body) = &delivery.payload else { panic!("{:?}", delivery.payload) };
        assert_eq!(*body, event("makes_room", n, BULK).to_json());
        assert!(delivery.acker.ack().await.unwrap());
    }
    bus.publish_events(&[event("makes_room", accepted, BULK)], Quota::Within).await.unwrap();
}
