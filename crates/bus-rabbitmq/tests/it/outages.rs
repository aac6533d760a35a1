//! Outages. In: lost channels, connections and queues, resource alarms, power cuts. Out: the bus recovers.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use domain::source_quota::Quota;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use lapin::options::QueueDeleteOptions;
use ports::{Bus as _, BusError, Queue};
use test_servers::RabbitMq;

use crate::setup::{
    PATIENCE, STANDARD, bus, channel, config, event, event_of, in_ms, next, pause, publish_until_taken,
};

/// Makes the broker close every channel with an error, as for an unknown delivery tag.
const CHANNEL_ERRORS: &str =
    "[C ! {'$gen_cast', {method, {'basic.ack', 99999, false}, none, noflow}} || C <- rabbit_channel:list()].";

/// Traps 9 and 11.
#[tokio::test(flavor = "multi_thread")]
async fn streams_survive_lost_channels_connections_and_queues() {
    let broker = RabbitMq::private();
    let config = config(&broker, "lost");
    let raw_url = config.url.clone();
    let (bus, names) = bus(config).await;
    let mut deliveries = bus.consume(STANDARD, 10).await.unwrap();

    bus.publish_events(&[event("lost", 1)], Quota::Within).await.unwrap();
    let delivery = next(&mut deliveries).await;
    broker.ctl(&["eval", CHANNEL_ERRORS]);
    let again = next(&mut deliveries).await;
    assert!(again.redelivered);
    assert!(!delivery.acker.ack().await.unwrap(), "the answer came too late");
    assert!(again.acker.ack().await.unwrap());

    broker.ctl(&["close_all_connections", "a test"]);
    publish_until_taken(&*bus, &event("lost", 2)).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(event_of(&delivery).key.id, "lost-2");
    assert!(delivery.acker.ack().await.unwrap());

    let raw = channel(&raw_url).await;
    for queue in Queue::ALL.map(|queue| names.queue(queue)).into_iter().chain([names.step(), names.bucket(1)])
    {
        raw.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    }
    // Until the consumer has declared everything again, events go where an operator finds them, not to us.
    let delivery = loop {
        publish_until_taken(&*bus, &event("lost", 3)).await;
        if let Ok(next) = tokio::time::timeout(Duration::from_millis(200), deliveries.next()).await {
            break next.unwrap();
        }
    };
    assert_eq!(event_of(&delivery).key.id, "lost-3");
    delivery.acker.retry_at(in_ms(1_000)).await.unwrap();
    assert!(next(&mut deliveries).await.acker.ack().await.unwrap());
}

/// Trap 10: a connection that publishes would hold the answers back.
#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_broker_refuses_publishes_at_once_and_still_takes_answers() {
    let broker = RabbitMq::private();
    let (bus, _) = bus(config(&broker, "blocked")).await;
    bus.publish_events(&[event("blocked", 1), event("blocked", 2)], Quota::Within).await.unwrap();
    let mut deliveries = bus.consume(STANDARD, 2).await.unwrap();
    let (first, second) = (next(&mut deliveries).await, next(&mut deliveries).await);
    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    // The broker blocks a connection when it publishes.
    let refused = tokio::time::timeout(
        Duration::from_secs(10),
        bus.publish_events(&[event("blocked", 3)], Quota::Within),
    )
    .await;
    assert!(matches!(refused.unwrap(), Err(BusError::Unavailable(_))));
    assert!(bus.blocked().is_some());
    assert!(first.acker.ack().await.unwrap());
    // Its copy cannot be published, so it is kept and not returned in a loop.
    second.acker.retry_at(in_ms(1_000)).await.unwrap();
    let bounced = tokio::time::timeout(Duration::from_millis(500), deliveries.next()).await;
    assert!(bounced.is_err(), "it came back while its copy was not taken");
    assert!(bus.depth(STANDARD).await.unwrap() >= 1);
    broker.ctl(&["set_vm_memory_high_watermark", "0.6"]);
    let mut ids = BTreeSet::new();
    while !ids.contains("blocked-2") {
        let delivery = next(&mut deliveries).await;
        ids.insert(event_of(&delivery).key.id);
        assert!(delivery.acker.ack().await.unwrap());
    }
    publish_until_taken(&*bus, &event("blocked", 4)).await;
}

/// Waits until a count is 10 higher, as long as a test may.
async fn rises(what: &str, count: &AtomicU32) {
    let enough = count.load(Ordering::Relaxed) + 10;
    let wait = async {
        while count.load(Ordering::Relaxed) < enough {
            pause(20).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "there are no more {what}");
}

/// What was confirmed is there after a power cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_no_confirmed_event() {
    let broker = RabbitMq::private();
    let (bus, _) = bus(config(&broker, "killed")).await;
    let publishing = Arc::new(AtomicBool::new(true));
    // Batches that were confirmed, and that failed.
    let batches = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let publisher = {
        let (bus, publishing, batches) = (bus.clone(), publishing.clone(), batches.clone());
        tokio::spawn(async move {
            let (mut confirmed, mut failed) = (BTreeSet::new(), 0_u32);
            for n in 1.. {
                if !publishing.load(Ordering::Relaxed) {
                    break;
                }
                let events: Vec<_> = (0..20).map(|part| event("killed", n * 100 + part)).collect();
                match bus.publish_events(&events, Quota::Within).await {
                    Ok(()) => {
                        confirmed.extend(events.into_iter().map(|event| event.key.id));
                        batches.0.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => {
                        failed += 1;
                        batches.1.fetch_add(1, Ordering::Relaxed);
                        pause(50).await;
                    }
                }
            }
            (confirmed, failed)
        })
    };
    let mut deliveries = bus.consume(STANDARD, 50).await.unwrap();
    let (seen, late) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(AtomicU32::new(0)));
    let consumer = {
        let (seen, late) = (seen.clone(), late.clone());
        tokio::spawn(async move {
            while let Some(delivery) = deliveries.next().await {
                seen.lock().unwrap().insert(event_of(&delivery).key.id);
                late.fetch_add(u32::from(!delivery.acker.ack().await.unwrap()), Ordering::Relaxed);
            }
        })
    };
    for _ in 0..2 {
        rises("confirmed batches", &batches.0).await;
        tokio::task::block_in_place(|| broker.kill());
        rises("failed batches", &batches.1).await;
        tokio::task::block_in_place(|| broker.restart());
    }
    rises("confirmed batches", &batches.0).await;
    publishing.store(false, Ordering::Relaxed);
    let (confirmed, failed) = publisher.await.unwrap();
    let lost = || confirmed.difference(&seen.lock().unwrap()).count();
    // A slow machine has a long list to work off; what is lost does not come however long it takes.
    let mut left = lost();
    while left > 0 {
        let next_seen = async {
            while lost() >= left {
                pause(50).await;
            }
        };
        let next_seen = tokio::time::timeout(PATIENCE, next_seen).await;
        let (waiting, consumers) = (bus.depth(STANDARD).await, bus.consumers(STANDARD).await);
        assert!(
            next_seen.is_ok(),
            "{left} of {} confirmed events were lost; waiting {waiting:?}, consumers {consumers:?}",
            confirmed.len()
        );
        left = lost();
    }
    assert!(!consumer.is_finished(), "the stream goes on");
    let (late, seen) = (late.load(Ordering::Relaxed), seen.lock().unwrap().len());
    println!("{} confirmed, {failed} batches failed, {seen} seen, {late} answers late", confirmed.len());
    assert!(confirmed.len() > 20 && failed > 0, "the broker was killed while events were published");
}
