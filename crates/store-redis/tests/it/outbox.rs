//! Accepted events until their end, on a real server. In: a bus that works in the same process. Out: counts that
//! balance at every moment.

use std::{collections::BTreeMap, sync::Arc};

use conformance::bus::{STANDARD, event};
use domain::{event::Event, source_quota::Quota, workflow::Lane};
use embedded::{Embedded, EmbeddedConfig};
use futures::StreamExt as _;
use ports::{AuditStore as _, Bus, Queue, SystemClock, store::EventCounts};
use runtime::{Outbox, Sweep};
use store_redis::RedisStore;

use crate::setup;

async fn event_counts(store: &RedisStore) -> EventCounts {
    store.audit_counts().await.unwrap().events
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_pending_from_before_it_is_published_until_it_has_ended() {
    let store = setup::store("outbox").await;
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock);
    let settings = EmbeddedConfig::new(directory.path().join("bus.db"), BTreeMap::new(), clock.clone());
    let inner = Embedded::open(settings).unwrap();
    let outbox = Outbox::new(inner.bus(), store.clone(), clock, Sweep::Here);
    let bus: Arc<dyn Bus> = outbox.clone();

    let events: Vec<Event> = (0..5).map(|n| event("outbox", n, STANDARD)).collect();
    bus.publish_events(&events, Quota::Within).await.unwrap();
    // A source that got no answer sends them again: they are accepted once.
    bus.publish_events(&events, Quota::Within).await.unwrap();
    let expected = EventCounts { accepted: 5, concluded: 0, pending: 5, published_directly: 0 };
    assert_eq!(event_counts(&store).await, expected);

    let mut deliveries = bus.consume(Queue::Events(Lane::Standard), 1).await.unwrap();
    for n in 1..=10 {
        assert!(deliveries.next().await.unwrap().acker.ack().await.unwrap());
        let concluded = n.min(5);
        let expected = EventCounts {
            accepted: 5,
            concluded,
            pending: 5 - concluded,
            // The second copy of each is no second event, and what producers publish themselves counts as it does.
            published_directly: n - concluded,
        };
        outbox.flush().await;
        assert_eq!(event_counts(&store).await, expected);
        assert!(event_counts(&store).await.balances());
    }
}
