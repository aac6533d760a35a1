//! Opening runs. In: an empty store. Out: a panic where it breaks its contract. Never: changes an opened run otherwise.

use std::sync::Arc;

use domain::{
    consent::{Consent, ConsentChange},
    id::RunId,
    run::RunPhase,
    timeline::Outcome,
};
use ports::{
    Opened, Store, Versioned,
    store::{DeadLetterFilter, readable},
};

use crate::fixture::{
    Opening, acknowledged, at, at_once, entry, letter, load, number, open, open_new, opening, sid,
};

/// Load returns what was opened, at a version that a change can be made at.
pub async fn an_opened_run_reads_back_equal(store: Arc<dyn Store>) {
    let change = Opening::new("reads_back", 1).subject("db-1").change();
    open_new(&*store, &change).await;
    let stored = load(&*store, &change.run).await;
    assert_eq!(stored.value, change.run);
    let next = acknowledged(&stored.value, at(5));
    assert_eq!(stored, Versioned::opened(change.run.clone()));
    store.change_run(next.clone(), stored.version).await.unwrap();
    let changed = load(&*store, &change.run).await;
    assert_eq!((changed.value, changed.version), (next.run, stored.version + 1), "versions rise by one");
}

/// Every kind of effect is stored with the run.
pub async fn what_is_stored_with_a_run_reads_back(store: Arc<dyn Store>) {
    let case = "stored_with_a_run";
    let mut change = Opening::new(case, 1).change();
    let phone = number(case, 1);
    let outcome = Outcome {
        run: change.run.id().clone(),
        phase: RunPhase::Active,
        at: at(1),
        ticket: Some("ops".into()),
    };
    change.effects.outcomes.push(outcome.clone());
    change.effects.dead_letters.push(letter(case, 1, 1));
    change.effects.consent.push(entry(&phone, ConsentChange::OptOut, 1));
    change.effects.sids.push((sid(case, 1), 1));
    open_new(&*store, &change).await;

    assert_eq!(store.timeline(change.run.id()).await.unwrap(), change.effects.timeline);
    assert_eq!(store.reply_routes(&phone, at(1)).await.unwrap(), change.effects.reply_routes);
    assert_eq!(store.consent_log(&phone).await.unwrap(), change.effects.consent);
    assert_eq!(store.message_of_sid(&sid(case, 1)).await.unwrap(), Some(change.run.message_id(1)));
    let letters = readable(store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap()).0;
    assert_eq!(letters, change.effects.dead_letters);
    let outcomes = store.outcomes(0, 10).await.unwrap();
    assert_eq!(outcomes.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>(), [outcome]);
}

/// An event is its source and id: with another subject or other data it opens nothing, and what came first stands. A
/// backend may store both in another way for a run whose texts nobody can reply to.
pub async fn a14_an_id_that_says_something_else_opens_nothing(store: Arc<dyn Store>) {
    let case = "a14";
    for (n, has_routes) in [(1, true), (2, false)] {
        let about = |subject: &str| {
            let mut change = Opening::new(case, n).subject(subject).change();
            change.effects.reply_routes.retain(|_| has_routes);
            change
        };
        let first = about("db-1");
        assert_eq!(store.content_of(first.run.event()).await.unwrap(), None);
        open_new(&*store, &first).await;
        let content = opening(&first, at(0)).content;
        assert_eq!(store.content_of(first.run.event()).await.unwrap(), Some(content));

        let elsewhere = about("db-2");
        assert_ne!(first.run.id(), elsewhere.run.id(), "the subject chooses the shard");
        let others = at_once(8, |_| {
            let (store, change) = (store.clone(), elsewhere.clone());
            async move { open(&*store, &change).await }
        });
        assert!(others.await.iter().all(|opened| *opened == Opened::Conflict));
        assert_eq!(store.load_run(elsewhere.run.id()).await.unwrap(), None);
        assert_eq!(open(&*store, &first).await, Opened::Known);
        assert_eq!(store.content_of(first.run.event()).await.unwrap(), Some(content));
    }
}

/// The second opening is refused, whatever it brings along.
pub async fn opening_a_known_run_changes_nothing(store: Arc<dyn Store>) {
    let case = "known_run";
    let first = Opening::new(case, 1).change();
    open_new(&*store, &first).await;
    let mut second = acknowledged(&first.run, at(9));
    second.effects.dead_letters.push(letter(case, 1, 9));
    second.effects.consent.push(entry(&number(case, 1), ConsentChange::OptOut, 9));
    assert_eq!(open(&*store, &second).await, Opened::Known);
    assert_eq!(load(&*store, &first.run).await.value, first.run);
    assert_eq!(store.timeline(first.run.id()).await.unwrap(), first.effects.timeline);
    assert_eq!(store.consent(&number(case, 1)).await.unwrap(), Consent::default());
    assert_eq!(store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap(), []);
    assert_eq!(store.next_due().await.unwrap(), first.due);
}

/// An event that comes again days later does not put its run back to the start.
pub async fn opening_a_run_that_changed_since_changes_nothing(store: Arc<dyn Store>) {
    let first = Opening::new("changed_since", 1).change();
    open_new(&*store, &first).await;
    let version = load(&*store, &first.run).await.version;
    let next = acknowledged(&first.run, at(9));
    store.change_run(next.clone(), version).await.unwrap();
    assert_eq!(open(&*store, &first).await, Opened::Known);
    assert_eq!(load(&*store, &first.run).await.value, next.run);
}

/// However many deliver the same event at once, one of them opens its run.
pub async fn of_many_concurrent_openers_one_opens(store: Arc<dyn Store>) {
    let change = Opening::new("concurrent_openers", 1).subject("db-1").change();
    let opened = at_once(32, |_| {
        let (store, change) = (store.clone(), change.clone());
        async move { open(&*store, &change).await }
    })
    .await;
    let new = opened.iter().filter(|opened| matches!(opened, Opened::New { .. })).count();
    let known = opened.iter().filter(|opened| **opened == Opened::Known).count();
    assert_eq!((new, known), (1, 31));
    assert_eq!(store.timeline(change.run.id()).await.unwrap(), change.effects.timeline);
}

/// Absent is an answer, not an error.
pub async fn what_was_never_stored_is_absent(store: Arc<dyn Store>) {
    let case = "never_stored";
    let id = RunId::derive(case, "e-1", "none", None);
    assert_eq!(store.load_run(&id).await.unwrap(), None);
    assert_eq!(store.timeline(&id).await.unwrap(), []);
    assert_eq!(store.message_of_sid(&sid(case, 1)).await.unwrap(), None);
    assert_eq!(store.reply_routes(&number(case, 1), at(0)).await.unwrap(), []);
    assert_eq!(store.consent(&number(case, 1)).await.unwrap(), Consent::default());
    assert_eq!(store.consent_log(&number(case, 1)).await.unwrap(), []);
    assert_eq!(store.workflow("0123456789abcdef").await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.outcomes(0, 10).await.unwrap(), []);
    assert!(!store.remove_dead_letter("never").await.unwrap());
}
