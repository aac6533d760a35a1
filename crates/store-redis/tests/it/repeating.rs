//! Calls whose answers are lost. In: the same calls, answered once and repeated once. Out: a panic where answers or state
//! differ.
//!
//! Never: compares tokens and times, which must differ.

use conformance::fixture::{Opening, acknowledged, at, ended, letter, open, resolution, sid, submitted};
use ports::{Changed, RunStore as _, Store, StoreError};
use redis::cmd;
use store_redis::{RedisConfig, RedisStore};

use crate::setup::{config, dump, raw_connection, until};

/// Calls every operation that writes, and returns the answers.
async fn call_all(store: &dyn Store) -> Vec<String> {
    let case = "answers";
    let first = Opening::new(case, 1).subject("db-1").change();
    let mut second = ended(&Opening::new(case, 2).change().run, &sid(case, 2), at(10));
    second.effects.dead_letters.push(letter(case, 2, 2));
    let mut answers =
        vec![format!("{:?}", open(store, &first).await), format!("{:?}", open(store, &second).await)];
    let next = submitted(&first.run, &sid(case, 1), at(1));
    answers.push(format!("{:?}", store.change_run(next.clone(), 1).await));
    answers.push(format!("{:?}", store.resolve(&resolution(case, "db-1", 1, 10)).await));
    answers.push(format!("{:?}", store.change_run(acknowledged(&next.run, at(2)), 2).await));
    answers.push(format!("{:?}", store.add_dead_letter(&letter(case, 1, 1)).await));
    answers.push(format!("{:?}", store.add_dead_letter(&letter(case, 3, 1)).await));
    answers.push(format!("{:?}", store.remove_dead_letter(&letter(case, 1, 1).id).await));
    answers.push(format!("{:?}", store.take_due(None, at(10_000), at(20_000), 10).await));
    answers.push(format!("{:?}", store.audit_counts().await));
    answers.push(format!("{:?}", store.timeline(first.run.id()).await));
    let outcomes = store.outcomes(0, 10).await.unwrap().into_iter().map(|(_, outcome)| outcome);
    answers.push(format!("{:?}", outcomes.collect::<Vec<_>>()));
    answers
}

/// Purges what may be purged, and returns the answers.
async fn purge(store: &dyn Store) -> String {
    format!("{:?} {:?}", store.purge(at(100_000), 10).await, store.audit_counts().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_gets_the_same_answer_and_leaves_the_same_state() {
    let url = &test_servers::redis().url;
    let once = config(url, "once");
    let twice = RedisConfig { drops_answers: true, ..config(url, "twice") };
    let prefixes = [once.key_prefix.clone(), twice.key_prefix.clone()];
    let once = RedisStore::connect(once).await.unwrap();
    let twice = RedisStore::connect(twice).await.unwrap();
    assert_eq!(call_all(&*once).await, call_all(&*twice).await);
    // Runs, taken runs and removed letters have tokens; outcomes, timelines and counts have cursors; the rest is equal.
    let but = ["run:", "take:", "settled:", "out:", "tl:", "n:", "generation"];
    let [first, second] = prefixes.each_ref().map(|prefix| dump(url, prefix, &but));
    assert!(first.len() > 5, "{first:?}");
    let names = |dump: &[(String, Vec<u8>)]| dump.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    assert_eq!(first, second);
    assert_eq!(purge(&*once).await, purge(&*twice).await);
}

/// Fencing: an equal change of another process is still another process's change.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_make_the_same_change_one_stores_it() {
    let config = config(&test_servers::redis().url, "same_change");
    let one = RedisStore::connect(config.clone()).await.unwrap();
    let other = RedisStore::connect(RedisConfig { drops_answers: true, ..config }).await.unwrap();
    let first = Opening::new("same_change", 1).change();
    open(&*one, &first).await;
    let next = submitted(&first.run, &sid("same_change", 1), at(1));
    let answers = futures::join!(one.change_run(next.clone(), 1), other.change_run(next.clone(), 1));
    let stored = [answers.0.unwrap(), answers.1.unwrap()];
    assert_eq!(stored.iter().filter(|changed| matches!(changed, Changed::Stored { .. })).count(), 1);
}

/// Trap 12: a write whose answer did not come in time may have been made. It is repeated, and counts once.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the server is busy in real time")]
async fn a_change_whose_answer_is_late_is_made_once() {
    let server = test_servers::RedisServer::private();
    let patience = std::time::Duration::from_millis(100);
    let config = RedisConfig { response_timeout: patience, ..config(&server.url, "late") };
    let store = RedisStore::connect(config).await.unwrap();
    let first = Opening::new("late", 1).change();
    open(&*store, &first).await;
    // The server learns a script when it is first called; one that it does not know, it would not make late.
    let warm = Opening::new("late", 2).change();
    open(&*store, &warm).await;
    store.change_run(acknowledged(&warm.run, at(1)), 1).await.unwrap();
    // A change that binds no SID makes no other call before it writes; that call would time out instead.
    let next = acknowledged(&first.run, at(1));
    let mut blocker = raw_connection(&server.url);
    // The server is busy for far longer than the store waits; then it reads the calls and runs them.
    let busy = cmd("EVAL").arg("for i = 1, 200000000 do end").arg(0).get_packed_command();
    blocker.send_packed_command(&busy).unwrap();
    let busy_since = tokio::time::Instant::now();
    let answer = store.change_run(next.clone(), 1).await;
    // The store gives up each of its tries after 100 ms. While the server was busy, no try can have been answered.
    assert!(matches!(answer, Ok(Changed::Stored { .. }) | Err(StoreError::Unavailable(_))), "{answer:?}");
    assert!(busy_since.elapsed() > patience, "the first try was answered in time, so nothing was repeated");
    until("the change", || async {
        store.load_run(first.run.id()).await.is_ok_and(|run| run.unwrap().version > 1)
    })
    .await;
    let stored = store.load_run(first.run.id()).await.unwrap().unwrap();
    assert_eq!((stored.version, &stored.value), (2, &next.run));
}
