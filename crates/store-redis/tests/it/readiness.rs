//! What a check of the servers finds out. In: servers that take no writes. Out: which refusal it was, and readiness again.

use ports::Dependency as _;
use store_redis::RedisStore;
use test_servers::{RedisCluster, RedisServer};

use crate::setup::{config, until};

#[tokio::test(flavor = "multi_thread")]
async fn f5_a_server_that_takes_no_writes_says_why() {
    let server = RedisServer::private();
    let store = RedisStore::connect(config(&server.url, "check")).await.unwrap();
    assert_eq!(store.check().await, Ok(()));
    for (refuse, allow, word) in [
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "OOM"),
        (
            ["CONFIG", "SET", "min-replicas-to-write", "1"],
            ["CONFIG", "SET", "min-replicas-to-write", "0"],
            "NOREPLICAS",
        ),
    ] {
        assert_eq!(server.ask(&refuse).trim(), "OK");
        let error = store.check().await.unwrap_err();
        assert!(error.contains(word), "{error}");
        assert_eq!(server.ask(&allow).trim(), "OK");
        assert_eq!(store.check().await, Ok(()));
    }
    server.kill();
    assert!(store.check().await.is_err());
    server.restart();
    until("a new connection", || async { store.check().await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_every_primary_of_a_cluster_is_asked() {
    let cluster = RedisCluster::private(false);
    let store = RedisStore::connect(config(&cluster.url, "check")).await.unwrap();
    for node in 0..cluster.nodes.len() {
        assert_eq!(store.check().await, Ok(()));
        cluster.ask(node, &["CONFIG", "SET", "maxmemory", "1"]);
        assert!(store.check().await.unwrap_err().contains("OOM"));
        cluster.ask(node, &["CONFIG", "SET", "maxmemory", "0"]);
    }
}
