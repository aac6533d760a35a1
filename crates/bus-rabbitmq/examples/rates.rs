//! How fast a bus is. In: an address and a count of events. Out: events per second, published and consumed.
#![expect(clippy::disallowed_methods, reason = "measures a real broker")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::{sync::Arc, time::Instant};

use bus_rabbitmq::{RabbitBus, RabbitConfig};
use domain::{event::Event, source_quota::Quota, workflow::Lane};
use futures::{StreamExt as _, stream};
use ports::{Bus as _, Queue, SystemClock};
use serde_json::json;

const KIND: &str = "rates.standard";
const BATCH: usize = 500;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned());
    let count: usize = arguments.next().map_or(50_000, |count| count.parse().unwrap());
    let prefix = format!("rates.{}.", std::process::id());
    let lanes = [(KIND.to_owned(), Lane::Standard)].into();
    let config = RabbitConfig { prefix, ..RabbitConfig::new(url, lanes) };
    let bus = RabbitBus::connect(config, Arc::new(SystemClock)).await.unwrap();
    let event = |n: usize| {
        let event = json!({"specversion": "1.0", "id": format!("e-{n}"), "source": "rates", "type": KIND,
            "subject": "db-1", "data": {"title": "the disk of the third database is full", "n": n}});
        Event::from_value(event).unwrap()
    };
    let batches: Vec<Vec<Event>> =
        (0..count / BATCH).map(|batch| (0..BATCH).map(|n| event(batch * BATCH + n)).collect()).collect();
    let rate = |began: Instant| count as f64 / began.elapsed().as_secs_f64();

    let began = Instant::now();
    stream::iter(&batches)
        .for_each_concurrent(4, async |batch| bus.publish_events(batch, Quota::Within).await.unwrap())
        .await;
    println!("published in batches: {:.0} events/s", rate(began));
    for (prefetch, name) in [(200, "one by one"), (1_000, "with many in flight")] {
        let began = Instant::now();
        let mut deliveries = bus.consume(Queue::Events(Lane::Standard), prefetch).await.unwrap().take(count);
        while let Some(delivery) = deliveries.next().await {
            assert!(delivery.acker.ack().await.unwrap());
        }
        println!("consumed {name}, prefetch {prefetch}: {:.0} events/s", rate(began));
        drop(deliveries);
        if prefetch == 200 {
            let began = Instant::now();
            let singles = stream::iter(batches.iter().flatten());
            singles
                .for_each_concurrent(64, async |event| {
                    bus.publish_events(std::slice::from_ref(event), Quota::Within).await.unwrap();
                })
                .await;
            println!("published one by one by 64 callers: {:.0} events/s", rate(began));
        }
    }
}
