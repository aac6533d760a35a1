//! Delayed messages. In: retries and timers. Out: each in its queue, never early, even if other queues are stuck.

use bus_rabbitmq::{DelayMode, RabbitConfig};
use domain::source_quota::Quota;
use lapin::{BasicProperties, options::QueueBindOptions, types::FieldTable};
use ports::{Bus as _, Clock as _, Payload, Queue, SystemClock, store::TimerSlot};
use test_servers::rabbitmq;

use crate::setup::{
    STANDARD, bus, channel, config, event, event_of, get_raw, in_ms, next, publish_raw, until_ready,
};

/// Trap 1: without an alternate exchange 32 of them stop every timer of the bucket.
#[tokio::test(flavor = "multi_thread")]
async fn work_for_a_queue_that_is_gone_does_not_stop_the_delays_of_others() {
    let config = RabbitConfig { delay: DelayMode::Buckets, ..config(rabbitmq(), "unroutable") };
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let delay = names.delay(DelayMode::Buckets);
    for _ in 0..40 {
        publish_raw(
            &raw,
            &delay,
            "d1.final.nowhere",
            b"{}",
            BasicProperties::default().with_delivery_mode(2),
        )
        .await;
    }
    let slot = TimerSlot::new(3, in_ms(2_000));
    bus.start_timer(slot).await.unwrap();
    let mut deliveries = bus.consume(Queue::Escalation, 1).await.unwrap();
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.payload, Payload::Timer(slot));
    assert!(delivery.acker.ack().await.unwrap());
    until_ready(&raw, &names.unrouted(), 40).await;
}

/// Trap 3: with the old `x-death` header, a broker before 4.0 drops the second pass silently.
#[tokio::test(flavor = "multi_thread")]
async fn work_may_pass_through_the_same_bucket_again_and_again() {
    let (bus, _) = bus(config(rabbitmq(), "again")).await;
    let sent = event("again", 1);
    bus.publish_events(std::slice::from_ref(&sent), Quota::Within).await.unwrap();
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();
    for pass in 0..3 {
        let delivery = next(&mut deliveries).await;
        assert_eq!(event_of(&delivery), sent);
        assert_eq!(delivery.redelivered, pass > 0);
        delivery.acker.retry_at(in_ms(1_000)).await.unwrap();
    }
    assert!(next(&mut deliveries).await.acker.ack().await.unwrap());
}

/// 2 s and 1 s on the broker, the rest in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_delay_of_several_hops_is_never_early_and_hardly_late() {
    let config = config(rabbitmq(), "hops");
    let (bus, _) = bus(config).await;
    bus.publish_events(&[event("hops", 1)], Quota::Within).await.unwrap();
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();
    let first = next(&mut deliveries).await;
    let (published_at, at) = (first.published_at, in_ms(3_600));
    first.acker.retry_at(at).await.unwrap();
    let again = next(&mut deliveries).await;
    let late_ms = SystemClock.now().duration_since(at).as_millis();
    assert!((0..5_000).contains(&late_ms), "{late_ms} ms late");
    assert!(again.published_at.is_some() && again.published_at == published_at);
    assert!(again.acker.ack().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn delayed_work_without_a_queue_is_a_dead_letter() {
    let config = config(rabbitmq(), "no_queue");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let properties = BasicProperties::default().with_delivery_mode(2);
    publish_raw(&raw, &names.commands(), "step.elsewhere", b"lost?", properties).await;
    let _consumer = bus.consume(Queue::Escalation, 1).await.unwrap();
    assert_eq!(get_raw(&raw, &names.dead()).await.data, b"lost?");
}

/// An operator's command that is run again and again must not use up the deliveries of work that only waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_consumes_nothing_takes_no_delayed_work() {
    let config = config(rabbitmq(), "passer-by");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let properties = BasicProperties::default().with_delivery_mode(2);
    publish_raw(&raw, &names.commands(), "step.escalation", b"{}", properties).await;
    bus.publish_events(&[event("passer-by", 1)], Quota::Within).await.unwrap();
    until_ready(&raw, &names.step(), 1).await;
    let _consumer = bus.consume(STANDARD, 1).await.unwrap();
    until_ready(&raw, &names.step(), 0).await;
}

/// Trap 2: a forwarder that waits for a destination looks again after three minutes. Nothing of ours ever waits for one.
#[tokio::test(flavor = "multi_thread")]
async fn timers_fire_again_as_soon_as_a_missing_binding_is_back() {
    let config = RabbitConfig { delay: DelayMode::Buckets, ..config(rabbitmq(), "gap") };
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let (queue, wake) = (names.queue(Queue::Escalation), names.wake());
    let (queue, wake, key) = (queue.as_str(), wake.as_str(), "*.final.escalation");
    raw.queue_unbind(queue.into(), wake.into(), key.into(), FieldTable::default()).await.unwrap();
    let delay = names.delay(DelayMode::Buckets);
    for _ in 0..40 {
        let properties = BasicProperties::default().with_delivery_mode(2);
        publish_raw(&raw, &delay, "d1.final.escalation", b"{}", properties).await;
    }
    until_ready(&raw, &names.unrouted(), 40).await;
    let options = QueueBindOptions::default();
    raw.queue_bind(queue.into(), wake.into(), key.into(), options, FieldTable::default()).await.unwrap();
    let mut deliveries = bus.consume(Queue::Escalation, 1).await.unwrap();
    let slot = TimerSlot::new(3, in_ms(2_000));
    bus.start_timer(slot).await.unwrap();
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.payload, Payload::Timer(slot));
    let late_ms = SystemClock.now().duration_since(slot.at()).as_millis();
    assert!((0..20_000).contains(&late_ms), "{late_ms} ms late");
    assert!(delivery.acker.ack().await.unwrap());
}
