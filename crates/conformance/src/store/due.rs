//! Due runs. In: runs with due times. Out: a panic where one is lost, taken early or taken twice.
//!
//! Never: depends on how a store hides what was taken.

use std::{collections::BTreeSet, sync::Arc};

use domain::id::RunId;
use ports::Store;

use crate::fixture::{Opening, at, at_ms, at_once, change, load, open_new};

async fn open_due(store: &dyn Store, case: &'static str, n: u32, seconds: i64) -> RunId {
    let change = Opening::new(case, n).due(at(seconds));
    open_new(store, &change).await;
    change.run.id().clone()
}

/// The one that waits longest comes first.
pub async fn due_runs_are_taken_earliest_first(store: Arc<dyn Store>) {
    let case = "earliest_first";
    let third = open_due(&*store, case, 1, 30).await;
    let first = open_due(&*store, case, 2, 10).await;
    let second = open_due(&*store, case, 3, 20).await;
    assert_eq!(store.take_due(None, at(60), at(75), 10).await.unwrap(), [first, second, third]);
}

/// A millisecond early is early.
pub async fn runs_that_are_not_due_are_left_alone(store: Arc<dyn Store>) {
    let case = "not_due";
    let due = open_due(&*store, case, 1, 10).await;
    open_due(&*store, case, 2, 11).await;
    assert_eq!(store.take_due(None, at_ms(9_999), at(30), 10).await.unwrap(), []);
    assert_eq!(store.take_due(None, at(10), at(30), 10).await.unwrap(), [due]);
}

/// The rest is for the next take.
pub async fn at_most_as_many_as_asked_for_are_taken(store: Arc<dyn Store>) {
    let case = "at_most_max";
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(open_due(&*store, case, n, i64::from(n)).await);
    }
    assert_eq!(store.take_due(None, at(60), at(75), 2).await.unwrap(), ids[..2]);
    assert_eq!(store.take_due(None, at(60), at(75), 2).await.unwrap(), ids[2..4]);
    assert_eq!(store.take_due(None, at(60), at(75), 2).await.unwrap(), ids[4..]);
    assert_eq!(store.take_due(None, at(60), at(75), 2).await.unwrap(), []);
}

/// A taker that died is replaced by the next one.
pub async fn a_taken_run_is_hidden_until_its_time_is_up(store: Arc<dyn Store>) {
    let id = open_due(&*store, "hidden", 1, 10).await;
    assert_eq!(store.take_due(None, at(10), at(25), 10).await.unwrap(), std::slice::from_ref(&id));
    assert_eq!(store.take_due(None, at(10), at(25), 10).await.unwrap(), []);
    assert_eq!(store.take_due(None, at_ms(24_999), at(40), 10).await.unwrap(), []);
    assert_eq!(store.take_due(None, at(25), at(40), 10).await.unwrap(), [id]);
}

/// What a change says about the due time counts, at the version from before the take.
pub async fn a_change_puts_a_taken_run_back_in_its_place(store: Arc<dyn Store>) {
    let first = Opening::new("back_in_place", 1).due(at(10));
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    assert_eq!(store.take_due(None, at(10), at(1_000), 10).await.unwrap().len(), 1);
    let mut next = change(&first.run, at(1), |_, _| {});
    next.due = Some(at(20));
    store.change_run(next, version).await.unwrap();
    assert_eq!(store.take_due(None, at(19), at(1_000), 10).await.unwrap(), []);
    assert_eq!(
        store.take_due(None, at(20), at(1_000), 10).await.unwrap(),
        std::slice::from_ref(first.run.id())
    );
}

/// A run that needs nothing more is not looked at again.
pub async fn a_change_without_a_due_time_removes_it(store: Arc<dyn Store>) {
    let first = Opening::new("due_removed", 1).due(at(10));
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    let mut next = change(&first.run, at(1), |_, _| {});
    next.due = None;
    store.change_run(next, version).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.take_due(None, at(1_000), at(2_000), 10).await.unwrap(), []);
}

/// However many take at once, each run goes to one of them and none is left.
pub async fn concurrent_takers_never_share_a_run(store: Arc<dyn Store>) {
    let case = "takers";
    let mut opened = BTreeSet::new();
    for n in 0..60 {
        opened.insert(open_due(&*store, case, n, i64::from(n % 7)).await);
    }
    let taken = at_once(8, |_| {
        let store = store.clone();
        async move {
            let mut mine = Vec::new();
            loop {
                let taken = store.take_due(None, at(60), at(90), 7).await.unwrap();
                if taken.is_empty() {
                    return mine;
                }
                mine.extend(taken);
            }
        }
    })
    .await
    .concat();
    assert_eq!(taken.len(), opened.len(), "none is taken twice");
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), opened, "none is left");
}

/// A run that is hidden counts with the time it comes back at.
pub async fn the_next_due_time_is_the_earliest_of_all(store: Arc<dyn Store>) {
    let case = "next_due";
    open_due(&*store, case, 1, 50).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(50)));
    open_due(&*store, case, 2, 20).await;
    open_due(&*store, case, 3, 30).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(20)));
    store.take_due(None, at(20), at(40), 10).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(30)));
    store.take_due(None, at(30), at(70), 10).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(40)));
}

/// Those of other shards may come along, and none is hidden that was not handed out.
pub async fn the_due_runs_of_one_shard_are_taken(store: Arc<dyn Store>) {
    let case = "one_shard";
    let mut wanted = Vec::new();
    let mut all = BTreeSet::new();
    for n in 0..40 {
        let id = open_due(&*store, case, n, i64::from(n)).await;
        all.insert(id.clone());
        wanted.push(id);
    }
    let shard = wanted[0].shard();
    wanted.retain(|id| id.shard() == shard);
    let taken = store.take_due(Some(shard), at(60), at(75), 100).await.unwrap();
    assert!(wanted.iter().all(|id| taken.contains(id)), "{taken:?} has not all of {wanted:?}");
    let rest = store.take_due(None, at(60), at(75), 100).await.unwrap();
    assert!(rest.iter().all(|id| !taken.contains(id)));
    assert_eq!(taken.into_iter().chain(rest).collect::<BTreeSet<_>>(), all);
}
