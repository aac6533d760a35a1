//! The memory of a live run. In: ten thousand runs, each with one message that was sent. Out: a panic where a run takes
//! more than its budget. Never: the shared server, whose memory other tests use too.

use conformance::fixture::{Opening, at, opening, sid, submitted};
use ports::{Changed, RunStore as _};
use redis::cmd;
use store_redis::{RedisConfig, RedisStore};
use test_servers::RedisServer;

use crate::setup::{config, raw_connection};

const RUNS: u32 = 10_000;
const BYTES_PER_RUN_MAX: i64 = 1_300;

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_costs_little() {
    let server = RedisServer::private_with("--appendfsync no");
    // Names of keys count, so they begin as those of a product do.
    let config =
        RedisConfig { key_prefix: store_redis::KEY_PREFIX.to_owned(), ..config(&server.url, "memory") };
    let prefix = config.key_prefix.clone();
    let store = RedisStore::connect(config).await.unwrap();
    for chunk in 0..RUNS / 100 {
        let runs = (0..100).map(|n| {
            let (store, n) = (store.clone(), chunk * 100 + n);
            async move {
                let first = Opening::new("memory", n).subject(&format!("db-{n}")).change();
                store.open_run(first.clone(), opening(&first, at(0))).await.unwrap();
                let mut next = submitted(&first.run, &sid("memory", n), at(1));
                next.due = next.due.map(|due| due + jiff::SignedDuration::from_millis(i64::from(n)));
                let changed = store.change_run(next, 1).await.unwrap();
                assert!(matches!(changed, Changed::Stored { .. }));
            }
        });
        futures::future::join_all(runs).await;
    }
    let mut connection = raw_connection(&server.url);
    let keys: Vec<String> = cmd("KEYS").arg("*").query(&mut connection).unwrap();
    let (mut total, mut by_kind) = (0, std::collections::BTreeMap::<String, i64>::new());
    for key in keys {
        let usage = cmd("MEMORY").arg("USAGE").arg(&key).arg("SAMPLES").arg(0).query::<i64>(&mut connection);
        let kind = key[prefix.len()..].split(':').next().unwrap().to_owned();
        *by_kind.entry(kind).or_default() += usage.as_ref().unwrap();
        total += usage.unwrap();
    }
    let by_kind: Vec<String> =
        by_kind.into_iter().map(|(kind, bytes)| format!("{kind} {}", bytes / i64::from(RUNS))).collect();
    let each = total / i64::from(RUNS);
    println!("{each} bytes per run: {}", by_kind.join(", "));
    assert!(each <= BYTES_PER_RUN_MAX, "{each} bytes per run: {}", by_kind.join(", "));
}
