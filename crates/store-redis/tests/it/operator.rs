//! An operator's connection. In: a server, also one whose history changed. Out: what the store holds.
//! Never: a key that differs afterwards.

use conformance::fixture::{Opening, letter, load, open_new};
use ports::{
    AuditStore as _, DeadLetterStore as _, RunStore as _,
    store::{DeadLetterFilter, RunFilter, readable},
};
use store_redis::RedisStore;
use test_servers::RedisServer;

use crate::setup::config;

/// What `runs list`, `runs show`, `audit` and `dlq list` ask of a store.
async fn read_everything(store: &RedisStore) -> usize {
    let runs = readable(store.list_runs(&RunFilter::default(), 10).await.unwrap()).0;
    for run in &runs {
        load(store, run).await;
        store.timeline(run.id()).await.unwrap();
    }
    store.audit_counts().await.unwrap();
    for letter in readable(store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap()).0 {
        store.dead_letter(&letter.id).await.unwrap().unwrap();
    }
    runs.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_changes_no_key_even_where_the_history_changed() {
    let server = RedisServer::private();
    let config = config(&server.url, "operator");
    let operator = RedisStore::connect_for_operator(config.clone()).await.unwrap();
    assert_eq!((read_everything(&operator).await, server.contents().trim()), (0, ""), "an empty server");
    let store = RedisStore::connect(config.clone()).await.unwrap();
    for n in 0..3 {
        open_new(&*store, &Opening::new("operator", n).change()).await;
    }
    store.add_dead_letter(&letter("operator", 1, 0)).await.unwrap();
    let first = store.generation();
    drop((operator, store));
    // A server that restarts begins another history.
    server.kill();
    server.restart();
    let before = server.contents();
    assert!(before.contains("generation"), "{before}");
    let operator = RedisStore::connect_for_operator(config.clone()).await.unwrap();
    assert_eq!(read_everything(&operator).await, 3);
    assert_eq!(server.contents(), before);
    let process = RedisStore::connect(config).await.unwrap();
    assert_eq!(process.generation(), first + 1, "a process of the fleet notices it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_refused_by_a_schema_of_a_later_version() {
    let server = RedisServer::private();
    let config = config(&server.url, "later");
    let mut connection = crate::setup::raw_connection(&server.url);
    let key = format!("{}schema", config.key_prefix);
    redis::cmd("SET").arg(&key).arg(99).exec(&mut connection).unwrap();
    let Err(error) = RedisStore::connect_for_operator(config).await else { panic!("it was taken") };
    assert!(error.to_string().contains("schema 99"), "{error}");
}
