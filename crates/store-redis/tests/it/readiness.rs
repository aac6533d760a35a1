//! What a probe finds out. In: servers that take no writes. Out: which refusal it was, and readiness again.

use ports::Probe as _;
use store_redis::RedisStore;
use test_servers::{RedisCluster, RedisServer};

use crate::setup::{config, until};

#[tokio::test(flavor = "multi_thread")]
async fn f5_a_server_that_takes_no_writes_says_why() {
    let server = RedisServer::private();
    let store = RedisStore::connect(config(&server.url, "probe")).await.unwrap();
    assert_eq!(store.probe().await, Ok(()));
    for (refuse, allow, word) in [
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "OOM"),
        (
            ["CONFIG", "SET", "min-replicas-to-write", "1"],
            ["CONFIG", "SET", "min-replicas-to-write", "0"],
            "NOREPLICAS",
        ),
    ] {
        assert_eq!(server.ask(&refuse).trim(), "OK");
        let error = store.probe().await.unwrap_err();
        assert!(error.contains(word), "{error}");
        assert_eq!(server.ask(&allow).trim(), "OK");
        assert_eq!(store.probe().await, Ok(()));
    }
    server.kill();
    assert!(store.probe().await.is_err());
    server.restart();
    until("a new connection", || async { store.probe().await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_every_primary_of_a_cluster_is_asked() {
    let cluster = RedisCluster::private(false);
    let store = RedisStore::connect(config(&cluster.url, "probe")).await.unwrap();
    for node in 0..cluster.nodes.len() {
        assert_eq!(store.probe().await, Ok(()));
        cluster.ask(node, &["CONFIG", "SET", "maxmemory", "1"]);
        assert!(store.probe().await.unwrap_err().contains("OOM"));
        cluster.ask(node, &["CONFIG", "SET", "maxmemory", "0"]);
    }
}
