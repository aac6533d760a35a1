//! Signs of life and what waits. In: reports, and runs in known states. Out: a panic where a total is wrong.
//!
//! Never: decides what is too late; `domain::status` does.

use std::sync::Arc;

use domain::{
    message::ReviewVerdict,
    run::Run,
    status::{Backlog, Heartbeat, Waiting},
    time::after_s,
};
use jiff::Timestamp;
use ports::{Change, Store};

use crate::fixture::{Opening, at, change, letter, load, needing_review, open_new};

fn report(process: &str, seconds: i64) -> Heartbeat {
    Heartbeat {
        process: process.to_owned(),
        roles: vec!["sender".to_owned()],
        version: "1.2.3".to_owned(),
        started_at: at(0),
        at: at(seconds),
        faults: vec!["redis: no answer".to_owned()],
        submitted: 7,
        open_breakers: vec!["twilio".to_owned()],
        without_preflight: Some("the API was down".to_owned()),
    }
}

async fn backlog(store: &dyn Store, seconds: i64) -> Backlog {
    store.backlog(at(seconds), &[]).await.unwrap()
}

/// Until it is withdrawn, or too old for anybody to care.
pub async fn the_last_report_of_each_process_is_kept(store: Arc<dyn Store>) {
    for (process, seconds) in [("b/2", 1), ("a/1", 2), ("b/2", 3)] {
        store.report(&report(process, seconds), at(0)).await.unwrap();
    }
    assert_eq!(store.heartbeats().await.unwrap(), [report("a/1", 2), report("b/2", 3)]);
    store.withdraw("a/1").await.unwrap();
    store.withdraw("a/1").await.unwrap();
    store.report(&report("c/3", 10), at(3)).await.unwrap();
    assert_eq!(store.heartbeats().await.unwrap(), [report("b/2", 3), report("c/3", 10)]);
    store.report(&report("c/3", 11), at(4)).await.unwrap();
    assert_eq!(store.heartbeats().await.unwrap(), [report("c/3", 11)]);
}

/// Deadlines that are to come do not wait, and neither does what was discarded.
pub async fn what_waits_is_counted_with_its_oldest(store: Arc<dyn Store>) {
    let case = "waits";
    let empty = backlog(&*store, 100).await;
    // Whether anything is encrypted is not what waits.
    assert_eq!(
        empty,
        Backlog { sealing: empty.sealing, sealed_by: empty.sealed_by.clone(), ..Backlog::default() }
    );
    for (n, seconds) in [(1, 20), (2, 10), (3, 200)] {
        open_new(&*store, &Opening::new(case, n).due(at(seconds))).await;
    }
    for (n, seconds) in [(1, 7), (2, 5), (3, 6)] {
        store.add_dead_letter(&letter(case, n, seconds)).await.unwrap();
    }
    store.remove_dead_letter(&letter(case, 2, 5).id).await.unwrap();
    let waits = backlog(&*store, 100).await;
    assert_eq!(waits.overdue, Waiting { count: 2, since: Some(at(10)) });
    assert_eq!(waits.dead_letters, Waiting { count: 2, since: Some(at(6)) });
    assert_eq!(backlog(&*store, 9).await.overdue, Waiting::default());
}

fn settled(run: &Run, now: Timestamp) -> Change {
    change(run, now, |run, ctx| {
        assert!(run.resolve_review(1, &ReviewVerdict::NotSent, "ada", ctx), "it needs review");
    })
}

/// Also when it is changed otherwise meanwhile.
pub async fn a_run_needs_review_until_somebody_says_what_became_of_its_text(store: Arc<dyn Store>) {
    let case = "review";
    let mut runs = Vec::new();
    for (n, seconds) in [(1, 50), (2, 40)] {
        let opened = Opening::new(case, n).opened(seconds).change();
        open_new(&*store, &opened).await;
        assert_eq!(backlog(&*store, 100).await.needs_review.count, u64::from(n) - 1);
        let held = needing_review(&opened.run, after_s(at(seconds), 1));
        store.change_run(held.clone(), 1).await.unwrap();
        runs.push(held.run);
    }
    assert_eq!(backlog(&*store, 100).await.needs_review, Waiting { count: 2, since: Some(at(40)) });
    for (run, left) in runs.iter().rev().zip([Waiting { count: 1, since: Some(at(50)) }, Waiting::default()])
    {
        let version = load(&*store, run).await.version;
        store.change_run(settled(run, at(200)), version).await.unwrap();
        assert_eq!(backlog(&*store, 300).await.needs_review, left);
    }
}

/// Due or not.
pub async fn effects_wait_by_destination(store: Arc<dyn Store>) {
    let asked = ["near", "far", "none"].map(str::to_owned);
    for n in 1..=3 {
        open_new(&*store, &super::effects::opening("by_destination", n)).await;
    }
    let taken = store.take_effects("near", at(0), at(60), 1).await.unwrap();
    store.postpone_effect(&taken[0], at(500)).await.unwrap();
    let done = store.take_effects("far", at(0), at(60), 1).await.unwrap();
    store.end_effect(&done[0], ports::EffectEnd::Delivered).await.unwrap();
    let waits = store.backlog(at(1), &asked).await.unwrap().effects;
    let expected = [("far", 2), ("near", 3), ("none", 0)];
    assert_eq!(waits, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

/// Due or not, with everything they say, and no more than asked for.
pub async fn some_of_the_effects_that_wait_are_shown(store: Arc<dyn Store>) {
    assert_eq!(store.some_effects(10).await.unwrap(), []);
    for n in 1..=2 {
        open_new(&*store, &super::effects::opening("some", n)).await;
    }
    let [mut taken] = store.take_effects("near", at(0), at(60), 1).await.unwrap().try_into().unwrap();
    taken.last_failure = Some("answered 401".to_owned());
    store.postpone_effect(&taken, at(500)).await.unwrap();
    let all = store.some_effects(1_000).await.unwrap();
    assert_eq!(all.len(), 4);
    assert!(all.iter().any(|effect| effect.id == taken.id && effect.last_failure == taken.last_failure));
    assert_eq!(store.some_effects(1).await.unwrap().len(), 1);
}
