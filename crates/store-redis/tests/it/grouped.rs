//! Changes that go to the server in one call. In: many at once, one of them damaged, a server that dies, counts of an
//! earlier version. Out: a panic where one spoils another, or the audit's counts go wrong.
//!
//! Never: relies on which changes share a call.

use std::{collections::BTreeMap, sync::Arc};

use conformance::fixture::{Opening, acknowledged, at, at_once, ended, load, open_new, sid, submitted};
use ports::{AuditStore as _, Changed, DueStore as _, RetentionStore as _, RunStore as _, StoreError};
use redis::cmd;
use store_redis::RedisStore;
use test_servers::RedisServer;

use crate::setup::{config, raw_connection, until};

/// Runs and messages by phase, as the audit counts them.
async fn counted(store: &RedisStore) -> [BTreeMap<String, u64>; 2] {
    let counts = store.audit_counts().await.unwrap();
    assert_eq!(counts.forgotten, 0);
    [counts.runs, counts.messages].map(|counts| counts.into_iter().filter(|(_, count)| *count > 0).collect())
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_run_spoils_no_change_that_comes_with_its_own() {
    let url = &test_servers::redis().url;
    let config = config(url, "spoilt");
    let prefix = config.key_prefix.clone();
    let store = RedisStore::connect(config).await.unwrap();
    let openings: Vec<_> = (0..30).map(|n| Opening::new("spoilt", n).change()).collect();
    for opening in &openings {
        open_new(&*store, opening).await;
    }
    let mut connection = raw_connection(url);
    let key = |n: usize| {
        let run = &openings[n].run;
        format!("{prefix}run:{{s{:02}}}:{}", run.id().shard(), run.id())
    };
    cmd("SET").arg(key(7)).arg("no header").exec(&mut connection).unwrap();
    cmd("DEL").arg(key(8)).exec(&mut connection).unwrap();
    cmd("RPUSH").arg(key(8)).arg("no string").exec(&mut connection).unwrap();
    let changed = at_once(30, |n| {
        let (store, run) = (store.clone(), openings[n as usize].run.clone());
        async move { store.change_run(acknowledged(&run, at(1)), 1).await }
    })
    .await;
    for (n, changed) in changed.iter().enumerate() {
        let is_damaged = matches!(n, 7 | 8);
        let is_as_expected = match changed {
            Ok(Changed::Stored { .. }) => !is_damaged,
            Err(StoreError::Corrupt(text)) => is_damaged && !text.is_empty(),
            _ => false,
        };
        assert!(is_as_expected, "{n}: {changed:?}");
    }
    assert_eq!(counted(&store).await[0], counts([("acknowledged", 28), ("active", 2)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_those_of_the_runs_after_a_kill_under_way() {
    const RUNS: u32 = 200;
    let server = Arc::new(RedisServer::private());
    let store = RedisStore::connect(config(&server.url, "killed")).await.unwrap();
    let openings: Vec<_> = (0..RUNS).map(|n| Opening::new("killed", n).change()).collect();
    for opening in &openings {
        open_new(&*store, opening).await;
    }
    let changed = at_once(RUNS, |n| {
        let (store, server, run) = (store.clone(), server.clone(), openings[n as usize].run.clone());
        async move {
            if n == RUNS / 2 {
                tokio::task::spawn_blocking(move || server.kill()).await.unwrap();
            }
            store.change_run(submitted(&run, &sid("killed", n), at(1)), 1).await
        }
    })
    .await;
    server.restart();
    until("a new connection", || async { store.next_due().await.is_ok() }).await;
    let mut submitted = 0;
    for (changed, opening) in changed.iter().zip(&openings) {
        let stored = load(&*store, &opening.run).await;
        assert!(stored.version == 2 || !matches!(changed, Ok(Changed::Stored { .. })), "{changed:?}");
        submitted += u64::from(stored.version == 2);
    }
    let all = u64::from(RUNS);
    let messages = [("dispatching", all - submitted), ("submitted", submitted)];
    let messages = messages.into_iter().filter(|(_, count)| *count > 0);
    assert_eq!(
        counted(&store).await,
        [counts([("active", all)]), messages.map(|(name, count)| (name.to_owned(), count)).collect()]
    );
}

/// An earlier version counted each run in its own shard.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_an_earlier_version_counted_stay_counted_once() {
    let url = &test_servers::redis().url;
    let config = config(url, "earlier");
    let prefix = config.key_prefix.clone();
    let store = RedisStore::connect(config).await.unwrap();
    let openings: Vec<_> = (0..20).map(|n| Opening::new("earlier", n).change()).collect();
    for opening in &openings {
        open_new(&*store, opening).await;
    }
    let mut connection = raw_connection(url);
    let counts_of = |shard: u8| format!("{prefix}n:{{s{shard:02}}}");
    for shard in 0..domain::id::SHARDS {
        cmd("HDEL").arg(counts_of(shard)).arg("ra").arg("mi").exec(&mut connection).unwrap();
    }
    for opening in &openings {
        for name in ["ra", "mi"] {
            let counts = counts_of(opening.run.id().shard());
            cmd("HINCRBY").arg(counts).arg(name).arg(1).exec(&mut connection).unwrap();
        }
    }
    assert_eq!(counted(&store).await, [counts([("active", 20)]), counts([("dispatching", 20)])]);
    for (n, opening) in (0..).zip(&openings) {
        let ended = ended(&opening.run, &sid("earlier", n), at(1));
        assert!(matches!(store.change_run(ended, 1).await, Ok(Changed::Stored { .. })));
    }
    assert_eq!(counted(&store).await, [counts([("cancelled", 20)]), counts([("undelivered", 20)])]);
    assert_eq!(store.purge(at(1_000), 100).await.unwrap(), 20);
    assert_eq!(counted(&store).await, [counts([]), counts([])]);
}
