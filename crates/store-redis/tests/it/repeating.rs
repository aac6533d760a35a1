//! Calls whose answers are lost. In: the same calls, once heard and once not. Out: a panic where the server shows it.
//!
//! Never: compares what must differ: who called, and when.

use conformance::fixture::{Opening, acknowledged, at, ended, letter, open, resolution, sid, submitted};
use ports::{
    AuditStore as _, Changed, DeadLetterStore as _, DueStore as _, OutcomeStore as _, RetentionStore as _,
    RunStore as _, Store, StoreError,
};
use redis::cmd;
use store_redis::{RedisConfig, RedisStore};

use crate::setup::{beside, config, dump, until};

/// Calls every verb that writes, and returns what it was told.
async fn emit(store: &dyn Store) -> Vec<String> {
    let case = "told";
    let first = Opening::new(case, 1).subject("db-1").change();
    let mut second = ended(&Opening::new(case, 2).change().run, &sid(case, 2), at(10));
    second.effects.dead_letters.push(letter(case, 2, 2));
    let mut told =
        vec![format!("{:?}", open(store, &first).await), format!("{:?}", open(store, &second).await)];
    let next = submitted(&first.run, &sid(case, 1), at(1));
    told.push(format!("{:?}", store.change_run(next.clone(), 1).await));
    told.push(format!("{:?}", store.resolve(&resolution(case, "db-1", 1, 10)).await));
    told.push(format!("{:?}", store.change_run(acknowledged(&next.run, at(2)), 2).await));
    told.push(format!("{:?}", store.add_dead_letter(&letter(case, 1, 1)).await));
    told.push(format!("{:?}", store.add_dead_letter(&letter(case, 3, 1)).await));
    told.push(format!("{:?}", store.remove_dead_letter(&letter(case, 1, 1).id).await));
    told.push(format!("{:?}", store.take_due(None, at(10_000), at(20_000), 10).await));
    told.push(format!("{:?}", store.audit_counts().await));
    told.push(format!("{:?}", store.timeline(&first.run.id).await));
    let outcomes = store.outcomes(0, 10).await.unwrap().into_iter().map(|(_, outcome)| outcome);
    told.push(format!("{:?}", outcomes.collect::<Vec<_>>()));
    told
}

/// Forgets what may be forgotten, and returns what it was told.
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
    assert_eq!(emit(&*once).await, emit(&*twice).await);
    // Runs, takes and takers hold tokens; outcomes, timelines and sums hold cursors; all else is equal to the byte.
    let but = ["run:", "take:", "settled:", "out:", "tl:", "n:", "generation"];
    let [first, second] = prefixes.each_ref().map(|prefix| dump(url, prefix, &but));
    assert!(first.len() > 5, "{first:?}");
    let names = |dump: &[(String, Vec<u8>)]| dump.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    assert_eq!(first, second);
    assert_eq!(purge(&*once).await, purge(&*twice).await);
}

/// What fences a worker: an equal change of somebody else is still somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_make_the_same_change_one_is_told_so() {
    let config = config(&test_servers::redis().url, "same_change");
    let one = RedisStore::connect(config.clone()).await.unwrap();
    let other = RedisStore::connect(RedisConfig { drops_answers: true, ..config }).await.unwrap();
    let first = Opening::new("same_change", 1).change();
    open(&*one, &first).await;
    let next = submitted(&first.run, &sid("same_change", 1), at(1));
    let told = futures::join!(one.change_run(next.clone(), 1), other.change_run(next.clone(), 1));
    let stored = [told.0.unwrap(), told.1.unwrap()];
    assert_eq!(stored.iter().filter(|changed| matches!(changed, Changed::Stored { .. })).count(), 1);
}

/// Trap 12: a write whose answer did not come in time may have been made. It is repeated, and counts once.
#[tokio::test(flavor = "multi_thread")]
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
    // A change that binds no provider's name asks nothing before it writes; a question would be given up instead.
    let next = acknowledged(&first.run, at(1));
    let mut beside = beside(&server.url);
    // The server is busy for far longer than the store waits; then it finds the calls and makes them.
    let busy = cmd("EVAL").arg("for i = 1, 200000000 do end").arg(0).get_packed_command();
    beside.send_packed_command(&busy).unwrap();
    let told = store.change_run(next.clone(), 1).await;
    assert!(matches!(told, Ok(Changed::Stored { .. }) | Err(StoreError::Unavailable(_))), "{told:?}");
    until("the change", || async {
        store.load_run(&first.run.id).await.is_ok_and(|run| run.unwrap().version > 1)
    })
    .await;
    let stored = store.load_run(&first.run.id).await.unwrap().unwrap();
    assert_eq!((stored.version, &stored.value), (2, &next.run));
}
