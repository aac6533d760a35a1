//! Answers to deliveries. In: events that are acknowledged, delayed or left. Out: a panic where an answer is not kept.
//!
//! Never: expects that what comes back keeps its place.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use futures::future::join_all;
use jiff::SignedDuration;
use ports::{Bus, Clock as _, Delivery, SystemClock};

use super::{QUEUE, ack, becomes, consume, depth_becomes, event_of, next, nothing, publish};

/// Done is done, for every consumer.
pub async fn an_acknowledged_event_does_not_come_back(bus: Arc<dyn Bus>) {
    publish(&*bus, "acknowledged", 1).await;
    let mut deliveries = consume(&*bus, QUEUE, 10).await;
    ack(next(&mut deliveries).await).await;
    nothing(&mut deliveries).await;
    drop(deliveries);
    nothing(&mut consume(&*bus, QUEUE, 10).await).await;
    depth_becomes(&*bus, QUEUE, 0).await;
}

/// A worker that panics drops its delivery.
pub async fn an_unanswered_event_comes_back_as_redelivered(bus: Arc<dyn Bus>) {
    let sent = publish(&*bus, "unanswered", 1).await;
    let mut deliveries = consume(&*bus, QUEUE, 10).await;
    let first = next(&mut deliveries).await;
    assert!(!first.redelivered);
    drop(first);
    let second = next(&mut deliveries).await;
    assert!(second.redelivered);
    assert_eq!(event_of(&second), sent[0]);
    ack(second).await;
}

/// A store that is away is not asked again at once.
pub async fn a_delayed_event_comes_back_and_not_earlier(bus: Arc<dyn Bus>) {
    let sent = publish(&*bus, "delayed", 1).await;
    let mut deliveries = consume(&*bus, QUEUE, 10).await;
    let at = SystemClock.now() + SignedDuration::from_millis(1_500);
    next(&mut deliveries).await.acker.retry_at(at).await.unwrap();
    let again = next(&mut deliveries).await;
    assert!(SystemClock.now() >= at, "it came back early");
    assert!(again.redelivered);
    assert_eq!(event_of(&again), sent[0]);
    ack(again).await;
}

/// With its stream, a worker gives back what it did not answer.
pub async fn an_event_comes_back_when_its_consumer_goes_away(bus: Arc<dyn Bus>) {
    let sent = publish(&*bus, "goes_away", 1).await;
    let mut first = consume(&*bus, QUEUE, 10).await;
    let delivery = next(&mut first).await;
    drop(delivery);
    drop(first);
    let mut second = consume(&*bus, QUEUE, 10).await;
    let again = next(&mut second).await;
    assert_eq!(event_of(&again), sent[0]);
    ack(again).await;
}

/// Work beyond that waits for other consumers.
pub async fn no_more_than_the_prefetch_is_unanswered_at_once(bus: Arc<dyn Bus>) {
    publish(&*bus, "prefetch", 5).await;
    let mut deliveries = consume(&*bus, QUEUE, 2).await;
    let first = next(&mut deliveries).await;
    let second = next(&mut deliveries).await;
    nothing(&mut deliveries).await;
    ack(first).await;
    let third = next(&mut deliveries).await;
    nothing(&mut deliveries).await;
    ack(second).await;
    ack(third).await;
    for _ in 0..2 {
        ack(next(&mut deliveries).await).await;
    }
}

/// It was answered; it is unanswered again only when it comes back.
pub async fn a_delayed_event_leaves_room_for_others(bus: Arc<dyn Bus>) {
    publish(&*bus, "leaves_room", 2).await;
    let mut deliveries = consume(&*bus, QUEUE, 1).await;
    let first = next(&mut deliveries).await;
    let delayed = event_of(&first);
    first.acker.retry_at(SystemClock.now() + SignedDuration::from_secs(2)).await.unwrap();
    let second = next(&mut deliveries).await;
    assert_ne!(event_of(&second), delayed);
    ack(second).await;
    let again = next(&mut deliveries).await;
    assert_eq!(event_of(&again), delayed);
    ack(again).await;
}

/// Nothing is lost and, as long as all are answered, nothing doubled.
pub async fn consumers_share_the_work_and_none_is_done_twice(bus: Arc<dyn Bus>) {
    const COUNT: u32 = 120;
    let sent = publish(&*bus, "share", COUNT).await;
    let done = Arc::new(Mutex::new(Vec::new()));
    let consumers = (0..3).map(|_| {
        let (bus, done) = (bus.clone(), done.clone());
        tokio::spawn(async move {
            let mut deliveries = consume(&*bus, QUEUE, 4).await;
            while done.lock().unwrap().len() < COUNT as usize {
                let Ok(delivery) = tokio::time::timeout(super::QUIET, next(&mut deliveries)).await else {
                    continue;
                };
                done.lock().unwrap().push(event_of(&delivery).key);
                ack(delivery).await;
            }
        })
    });
    join_all(consumers).await.into_iter().for_each(Result::unwrap);
    let done = done.lock().unwrap().clone();
    assert_eq!(done.len(), COUNT as usize);
    let distinct: BTreeSet<_> = done.into_iter().collect();
    assert_eq!(distinct, sent.into_iter().map(|event| event.key).collect());
}

/// Many that end at the same moment, in another order than they came: none of them comes back, each of those that are
/// dropped does, and what is still worked on stays where it is.
pub async fn events_that_are_acknowledged_together_say_nothing_of_those_between(bus: Arc<dyn Bus>) {
    const COUNT: u32 = 40;
    publish(&*bus, "together", COUNT).await;
    let mut deliveries = consume(&*bus, QUEUE, COUNT as u16).await;
    let (mut done, mut dropped, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for place in 1..=COUNT {
        let delivery = next(&mut deliveries).await;
        match place {
            7 | 25 => held.push(delivery),
            13 | 14 | 40 => dropped.push(delivery),
            _ => done.push(delivery),
        }
    }
    let mut expected: BTreeSet<_> = dropped.iter().map(|delivery| event_of(delivery).key).collect();
    done.reverse();
    drop(dropped);
    join_all(done.into_iter().map(ack)).await;
    depth_becomes(&*bus, QUEUE, 5).await;
    for _ in 0..3 {
        let again = next(&mut deliveries).await;
        assert!(expected.remove(&event_of(&again).key), "{:?} comes again", event_of(&again).key);
        ack(again).await;
    }
    nothing(&mut deliveries).await;
    join_all(held.into_iter().map(ack)).await;
    depth_becomes(&*bus, QUEUE, 0).await;
}

/// So often that every limit on deliveries would be reached.
const OFTEN: u32 = 60;

/// Whoever cannot act on it keeps nothing from those who can.
pub async fn an_event_that_is_given_back_waits_for_anybody_at_once(bus: Arc<dyn Bus>) {
    let sent = publish(&*bus, "given_back", 1).await;
    let mut first = consume(&*bus, QUEUE, 1).await;
    let delivery = next(&mut first).await;
    assert!(delivery.acker.is_held());
    drop(first);
    delivery.acker.give_back().await.unwrap();
    let again = next(&mut consume(&*bus, QUEUE, 1).await).await;
    assert_eq!(event_of(&again), sent[0]);
    assert!(again.redelivered);
    ack(again).await;
    depth_becomes(&*bus, QUEUE, 0).await;
}

/// It is not to blame.
pub async fn an_event_may_be_given_back_however_often(bus: Arc<dyn Bus>) {
    let sent = publish(&*bus, "given_back_often", 1).await;
    let mut deliveries = consume(&*bus, QUEUE, 1).await;
    for _ in 0..OFTEN {
        let delivery = next(&mut deliveries).await;
        assert_eq!(event_of(&delivery), sent[0]);
        delivery.acker.give_back().await.unwrap();
    }
    ack(next(&mut deliveries).await).await;
    depth_becomes(&*bus, QUEUE, 0).await;
}

/// Neither is work that was sent to a consumer and never looked at.
pub async fn what_a_stream_had_not_handed_out_may_return_however_often(bus: Arc<dyn Bus>) {
    const COUNT: usize = 3;
    let sent = publish(&*bus, "not_handed_out", COUNT as u32).await;
    for _ in 0..OFTEN {
        let mut deliveries = consume(&*bus, QUEUE, COUNT as u16).await;
        next(&mut deliveries).await.acker.give_back().await.unwrap();
    }
    let mut deliveries = consume(&*bus, QUEUE, COUNT as u16).await;
    let mut left: BTreeSet<_> = sent.into_iter().map(|event| event.key).collect();
    while !left.is_empty() {
        let delivery = next(&mut deliveries).await;
        left.remove(&event_of(&delivery).key);
        ack(delivery).await;
    }
    depth_becomes(&*bus, QUEUE, 0).await;
}

/// For a worker that tries whether it can work again.
pub async fn work_is_taken_one_piece_at_a_time_without_a_consumer(bus: Arc<dyn Bus>) {
    assert!(bus.take(QUEUE).await.unwrap().is_none());
    let sent = publish(&*bus, "taken", 3).await;
    let first = taken(&*bus).await;
    assert_eq!((event_of(&first), first.redelivered), (sent[0].clone(), false));
    ack(first).await;
    drop(taken(&*bus).await);
    let mut left: BTreeSet<_> = sent[1..].iter().map(|event| event.key.clone()).collect();
    while !left.is_empty() {
        let delivery = taken(&*bus).await;
        assert!(left.remove(&event_of(&delivery).key), "none is handed out to two");
        ack(delivery).await;
    }
    depth_becomes(&*bus, QUEUE, 0).await;
    assert!(bus.take(QUEUE).await.unwrap().is_none());
    becomes(0, async || bus.consumers(QUEUE).await.unwrap()).await;
}

/// The next piece, once it waits in its queue.
async fn taken(bus: &dyn Bus) -> Delivery {
    let taking = async {
        loop {
            match bus.take(QUEUE).await.unwrap() {
                Some(delivery) => return delivery,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(super::PATIENCE, taking).await.expect("work waits in the queue")
}
