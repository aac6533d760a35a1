//! Timers. In: slots of the near past and future. Out: a panic where one fires early, or not at all.
//!
//! Never: requires more precision than a second or two: a late timer is not a lost one.

use std::sync::Arc;

use jiff::SignedDuration;
use ports::{Bus, Clock as _, Delivery, Payload, Queue, SystemClock, TimerSlot};

use super::{ack, consume, next};

fn slot(shard: u8, seconds_from_now: i64) -> TimerSlot {
    TimerSlot::new(shard, SystemClock.now() + SignedDuration::from_secs(seconds_from_now))
}

fn slot_of(delivery: &Delivery) -> TimerSlot {
    match delivery.payload {
        Payload::Timer(slot) => slot,
        ref other => panic!("{other:?} is no timer"),
    }
}

/// Never early, for what it announces is not due before.
pub async fn a_timer_fires_and_not_early(bus: Arc<dyn Bus>) {
    let started = slot(7, 2);
    bus.start_timer(started).await.unwrap();
    let mut deliveries = consume(&*bus, Queue::Escalation, 10).await;
    let delivery = next(&mut deliveries).await;
    assert!(SystemClock.now() >= started.at(), "it fired early");
    assert_eq!(slot_of(&delivery), started);
    ack(delivery).await;
}

/// Whatever has come due meanwhile is found now.
pub async fn a_timer_of_the_past_fires_at_once(bus: Arc<dyn Bus>) {
    let started = slot(0, -3_600);
    bus.start_timer(started).await.unwrap();
    let mut deliveries = consume(&*bus, Queue::Escalation, 10).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(slot_of(&delivery), started);
    ack(delivery).await;
}

/// However they were started. Those of one second come in any order.
pub async fn timers_fire_in_order_of_their_seconds(bus: Arc<dyn Bus>) {
    let (late, early) = (slot(1, 4), slot(2, 1));
    let mut deliveries = consume(&*bus, Queue::Escalation, 10).await;
    bus.start_timer(late).await.unwrap();
    bus.start_timer(early).await.unwrap();
    for expected in [early, late] {
        let delivery = next(&mut deliveries).await;
        assert!(SystemClock.now() >= expected.at(), "it fired early");
        assert_eq!(slot_of(&delivery), expected);
        ack(delivery).await;
    }
}

/// A worker that dies with it leaves it to another.
pub async fn an_unanswered_timer_comes_back(bus: Arc<dyn Bus>) {
    let started = slot(63, -1);
    bus.start_timer(started).await.unwrap();
    let mut deliveries = consume(&*bus, Queue::Escalation, 10).await;
    drop(next(&mut deliveries).await);
    let again = next(&mut deliveries).await;
    assert_eq!(slot_of(&again), started);
    assert!(again.redelivered);
    ack(again).await;
}
