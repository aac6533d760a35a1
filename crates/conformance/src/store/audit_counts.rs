//! The counts of the audit. In: runs in known phases. Out: a panic where the audit would miss a loss.
//!
//! Never: distinguishes a missing count from zero.

use std::{collections::BTreeMap, sync::Arc};

use ports::{Change, Store};

use crate::fixture::{Opening, acknowledged, at, ended, letter, load, open_new, sid, submitted};

fn nonzero(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn counts(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// Nothing is counted before anything is stored.
pub async fn an_empty_store_counts_nothing(store: Arc<dyn Store>) {
    let audit = store.audit_counts().await.unwrap();
    assert_eq!((nonzero(audit.runs), nonzero(audit.messages)), (vec![], vec![]));
    assert_eq!((nonzero(audit.dead_letters), audit.forgotten), (vec![], 0));
}

/// Runs and messages by where they stand, dead letters that are on the list, and no forgotten run.
pub async fn counts_match_what_was_stored(store: Arc<dyn Store>) {
    let case = "sums_match";
    for n in 1..=3 {
        open_new(&*store, &Opening::new(case, n).change()).await;
    }
    let taken = Opening::new(case, 4).change();
    open_new(&*store, &taken).await;
    let version = load(&*store, &taken.run).await.version;
    let sent = submitted(&taken.run, &sid(case, 4), at(1));
    store.change_run(sent.clone(), version).await.unwrap();
    store.change_run(acknowledged(&sent.run, at(2)), version + 1).await.unwrap();
    let over = ended(&Opening::new(case, 5).change().run, &sid(case, 5), at(3));
    open_new(&*store, &over).await;
    for n in 1..=3 {
        store.add_dead_letter(&letter(case, n, 1)).await.unwrap();
    }
    store.remove_dead_letter(&letter(case, 1, 1).id).await.unwrap();

    let audit = store.audit_counts().await.unwrap();
    assert_eq!(nonzero(audit.runs), counts(&[("acknowledged", 1), ("active", 3), ("cancelled", 1)]));
    assert_eq!(nonzero(audit.messages), counts(&[("dispatching", 3), ("submitted", 1), ("undelivered", 1)]));
    assert_eq!(nonzero(audit.dead_letters), counts(&[("unroutable", 2)]));
    assert_eq!(audit.forgotten, 0);
}

/// The fault that the audit is for: work to be done, and no due row. One that is hidden by a taker has one.
pub async fn a_pending_run_without_a_due_time_is_counted_as_forgotten(store: Arc<dyn Store>) {
    let case = "no_due_time";
    open_new(&*store, &Opening::new(case, 1).change()).await;
    store.take_due(None, at(1_000), at(2_000), 10).await.unwrap();
    assert_eq!(store.audit_counts().await.unwrap().forgotten, 0);
    let lost = Change { due: None, ..Opening::new(case, 2).change() };
    open_new(&*store, &lost).await;
    assert_eq!(store.audit_counts().await.unwrap().forgotten, 1);
    let stored = load(&*store, &lost.run).await;
    let found = acknowledged(&stored.value, at(1));
    assert!(found.due.is_some(), "its message is still claimed");
    store.change_run(found, stored.version).await.unwrap();
    assert_eq!(store.audit_counts().await.unwrap().forgotten, 0);
}
