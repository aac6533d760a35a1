//! A server that dies. In: kill -9 at any moment. Out: a panic where something acknowledged is gone, or where a process
//! would have to be restarted with it. Never: the shared server.

use conformance::fixture::{Opening, at, load, open_new, opening, sid, submitted};
use ports::{
    AuditStore as _, Changed, Clock as _, DueStore as _, LookupStore as _, RunStore as _, StoreError,
};
use store_redis::RedisStore;
use test_servers::RedisServer;

use crate::setup::{config, until};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_survive_a_kill_and_the_process_goes_on() {
    let server = RedisServer::private();
    let store = RedisStore::connect(config(&server.url, "kill")).await.unwrap();
    let first = store.generation();
    assert!(first > 0 && store.reconcile_until().is_none());
    let mut kept = Vec::new();
    for n in 0..50 {
        let first = Opening::new("kill", n).change();
        open_new(&*store, &first).await;
        let next = submitted(&first.run, &sid("kill", n), at(1));
        let changed = store.change_run(next.clone(), 1).await.unwrap();
        assert!(matches!(changed, Changed::Stored { .. }));
        kept.push(next);
        if n == 25 {
            server.kill();
            let lost = store.load_run(first.run.id()).await;
            assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
            server.restart();
            until("a new connection", || async { store.next_due().await.is_ok() }).await;
        }
    }
    server.kill();
    server.restart();
    until("a new connection", || async { store.next_due().await.is_ok() }).await;
    for (n, change) in (0..).zip(&kept) {
        assert_eq!(load(&*store, &change.run).await.value, change.run);
        assert_eq!(store.message_of_sid(&sid("kill", n)).await.unwrap(), Some(change.run.message_id(1)));
        assert!(!store.timeline(change.run.id()).await.unwrap().is_empty());
    }
    // A server with another history makes a doubt, for every process.
    store.take_due(None, at(-10), at(-5), 1).await.unwrap();
    assert!(store.generation() > first);
    assert!(store.reconcile_until().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_everything_is_noticed() {
    let server = RedisServer::private();
    let store = RedisStore::connect(config(&server.url, "lost")).await.unwrap();
    let first = store.generation();
    redis::cmd("FLUSHALL").exec(&mut crate::setup::raw_connection(&server.url)).unwrap();
    store.check_generation().await.unwrap();
    assert_eq!(store.generation(), first + 1);
    assert!(store.reconcile_until().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn f6_a_young_server_that_was_emptied_is_noticed_by_every_process_whoever_writes_first() {
    let server = RedisServer::private();
    let config = config(&server.url, "young");
    let old = RedisStore::connect(config.clone()).await.unwrap();
    let first = old.generation();
    until("a later millisecond", || async { ports::SystemClock.now() > at_ms(first) }).await;
    redis::cmd("FLUSHALL").exec(&mut crate::setup::raw_connection(&server.url)).unwrap();
    let new = RedisStore::connect(config).await.unwrap();
    assert!(new.reconcile_until().is_none(), "it remembers nothing");
    old.check_generation().await.unwrap();
    assert!(old.generation() > first && old.reconcile_until().is_some());
    new.check_generation().await.unwrap();
    assert_eq!((new.generation(), new.reconcile_until()), (old.generation(), old.reconcile_until()));
}

fn at_ms(generation: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(generation as i64).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_could_not_be_looked_at_is_looked_at_by_the_next_caller() {
    let server = RedisServer::private();
    let config = config(&server.url, "unseen");
    let key = format!("{}generation", config.key_prefix);
    let store = RedisStore::connect(config).await.unwrap();
    let mut connection = crate::setup::raw_connection(&server.url);
    redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
    redis::cmd("SET").arg(&key).arg("no generation").exec(&mut connection).unwrap();
    store.check_generation().await.unwrap_err();
    redis::cmd("DEL").arg(&key).exec(&mut connection).unwrap();
    assert!(store.data_loss_since().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_and_changes_nothing() {
    let server = RedisServer::private();
    let store = RedisStore::connect(config(&server.url, "full")).await.unwrap();
    let mut connection = crate::setup::raw_connection(&server.url);
    let first = Opening::new("full", 1).change();
    open_new(&*store, &first).await;
    redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1kb").exec(&mut connection).unwrap();
    let refused = store.change_run(submitted(&first.run, &sid("full", 1), at(1)), 1).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    let second = Opening::new("full", 2).change();
    let refused = store.open_run(second.clone(), opening(&second, at(0))).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("0").exec(&mut connection).unwrap();
    assert_eq!(load(&*store, &first.run).await.version, 1);
    open_new(&*store, &second).await;
}
