//! A primary that sentinels name. In: one that dies. Out: the one that takes its place, and doubt about what was lost.

use conformance::fixture::{Opening, load, open_new};
use ports::{AuditStore as _, RunStore as _};
use store_redis::{ConnectError, RedisStore};
use test_servers::RedisSentinel;

use crate::setup::{config, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_that_sentinels_name_is_followed() {
    let servers = RedisSentinel::private();
    let store = RedisStore::connect(config(&servers.url, "sentinel")).await.unwrap();
    let first = store.generation();
    let before = Opening::new("sentinel", 1).change();
    open_new(&*store, &before).await;
    servers.primary.kill();
    let after = Opening::new("sentinel", 2).change();
    until("the replica took over", || async {
        store.load_run(before.run.id()).await.is_ok() && ports::Dependency::check(&*store).await.is_ok()
    })
    .await;
    open_new(&*store, &after).await;
    assert_eq!(load(&*store, &after.run).await.value, after.run);
    assert!(servers.replica.contents().contains(after.run.id().as_str()));
    assert!(store.data_loss_since().await.unwrap().is_some());
    assert!(store.generation() > first);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_and_an_address_without_one_are_refused() {
    let servers = RedisSentinel::private();
    let other = servers.url.replace("/main", "/other");
    let unknown = RedisStore::connect(config(&other, "unknown")).await;
    assert!(matches!(unknown, Err(ConnectError::Unreachable { .. })));
    let unnamed = RedisStore::connect(config("redis+sentinel://127.0.0.1:1", "unnamed")).await;
    assert!(matches!(unnamed, Err(ConnectError::Address(_))));
}
