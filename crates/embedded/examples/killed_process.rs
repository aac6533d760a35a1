//! The process that `tests/it/crash.rs` kills: it works on a database and says what was acknowledged, line by line.
//!
//! In: a directory. Out: lines such as `opened 7`, until it is killed. Never: ends by itself.

use std::{path::Path, sync::Arc};

use conformance::{
    bus::{STANDARD, event, lanes},
    fixture::{Opening, acknowledged, at, opening},
};
use domain::{source_quota::Quota, workflow::Lane};
use embedded::{Embedded, EmbeddedConfig};
use futures::StreamExt as _;
use ports::{Changed, Opened, Payload, Queue, SystemClock};

const CASE: &str = "kill_nine";
const LANE: Queue = Queue::Events(Lane::Standard);

#[tokio::main]
#[expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a process of a test")]
async fn main() {
    let directory = std::env::args().nth(1).expect("a directory");
    let config =
        EmbeddedConfig::new(Path::new(&directory).join("callout.db"), lanes(), Arc::new(SystemClock));
    let embedded = Embedded::open(config).expect("a fresh database");
    let mut deliveries = embedded.bus().consume(LANE, 8).await.unwrap();
    tokio::spawn(async move {
        while let Some(delivery) = deliveries.next().await {
            let Payload::Event(body) = &delivery.payload else { continue };
            let id = domain::event::Event::from_json(body).unwrap().key.id;
            if id.ends_with('7') {
                println!("acking {id}");
                delivery.acker.ack().await.unwrap();
                println!("acked {id}");
            } else {
                std::mem::forget(delivery.acker);
                tokio::task::yield_now().await;
            }
        }
    });
    let workers = (0..4).map(|worker| {
        let (store, bus) = (embedded.store(), embedded.bus());
        tokio::spawn(async move {
            for n in (worker..).step_by(4) {
                let event = event(CASE, n, STANDARD);
                bus.publish_events(std::slice::from_ref(&event), Quota::Within).await.unwrap();
                println!("published {}", event.key.id);
                let change = Opening::new(CASE, n).change();
                let opened = store.open_run(change.clone(), opening(&change, at(0))).await.unwrap();
                assert!(matches!(opened, Opened::New { .. }));
                println!("opened {n}");
                let changed = store.change_run(acknowledged(&change.run, at(1)), 1).await.unwrap();
                assert!(matches!(changed, Changed::Stored { .. }));
                println!("changed {n}");
            }
        })
    });
    futures::future::join_all(workers).await;
}
