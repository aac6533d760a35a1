//! Purging. In: runs that ended. Out: a panic where too much is purged, or a part of a run stays.
//!
//! Never: waits for time to pass.

use std::sync::Arc;

use domain::{
    consent::ConsentChange,
    message::{MessageEvent, ReviewVerdict},
    provider::{FailureClass, ProviderStatus},
    run::{Run, RunPhase},
};
use ports::{
    Change, Changed, Store,
    store::{DeadLetterFilter, RunFilter, readable},
};

use crate::fixture::{
    Opening, acknowledged, at, change, change_in, doubt_until_review, ended, entry, letter, load, number,
    open_new, sid, workflow_that_pages_again,
};

async fn open_ended(store: &dyn Store, case: &'static str, n: u32, seconds: i64) -> Arc<Run> {
    let change = ended(&Opening::new(case, n).change().run, &sid(case, n), at(seconds));
    assert_eq!(change.due, None, "the fixture makes a run that needs nothing more");
    open_new(store, &change).await;
    change.run
}

async fn is_stored(store: &dyn Store, run: &Run) -> bool {
    store.load_run(run.id()).await.unwrap().is_some()
}

/// The end counts, not the beginning.
pub async fn closed_runs_that_ended_earlier_are_purged(store: Arc<dyn Store>) {
    let case = "ended_earlier";
    let early = open_ended(&*store, case, 1, 10).await;
    assert_eq!(store.purge(at(11), 100).await.unwrap(), 1);
    assert!(!is_stored(&*store, &early).await);
    assert_eq!(store.purge(at(11), 100).await.unwrap(), 0);
}

/// A run that ended at exactly that time stays too.
pub async fn runs_that_are_open_or_ended_later_stay(store: Arc<dyn Store>) {
    let case = "stay";
    let open = Opening::new(case, 1).change();
    open_new(&*store, &open).await;
    let late = open_ended(&*store, case, 2, 11).await;
    assert_eq!(store.purge(at(11), 100).await.unwrap(), 0);
    assert!(is_stored(&*store, &open.run).await && is_stored(&*store, &late).await);
}

/// Its message is in flight; its fate is still wanted.
pub async fn a_closed_run_that_is_still_due_stays(store: Arc<dyn Store>) {
    let change = acknowledged(&Opening::new("still_due", 1).change().run, at(1));
    assert!(change.run.closed_at().is_some() && change.due.is_some());
    open_new(&*store, &change).await;
    assert_eq!(store.purge(at(1_000), 100).await.unwrap(), 0);
    assert!(is_stored(&*store, &change.run).await);
}

/// Its acknowledgement expires: until then it is due, whoever dies meanwhile, and afterwards it is under way.
pub async fn an_acknowledged_run_that_pages_again_stays_and_comes_back(store: Arc<dyn Store>) {
    let (case, workflow) = ("pages_again", workflow_that_pages_again());
    let opening = Opening::new(case, 1).through(workflow.clone()).change();
    let sid = sid(case, 1);
    let over = change_in(&workflow, &opening.run, at(10), |run, ctx| {
        let event = MessageEvent::Status {
            sid: &sid,
            status: ProviderStatus::Delivered,
            code: None,
            class: FailureClass::Informational,
        };
        run.apply_to_message(1, &event, ctx);
        run.acknowledge("ada", "reply", Some(1), ctx);
    });
    assert_eq!((over.run.closed_at(), over.due), (Some(at(10)), Some(at(610))));
    open_new(&*store, &over).await;
    assert_eq!(store.purge(at(1_000), 100).await.unwrap(), 0);
    assert_eq!(store.ended_with_texts(at(1_000), 100).await.unwrap(), []);
    let unfinished = RunFilter { unfinished: true, ..RunFilter::default() };
    assert_eq!(store.list_runs(&unfinished, 10).await.unwrap().len(), 1);
    assert_eq!(store.audit_counts().await.unwrap().forgotten, 0);
    let id = over.run.id().clone();
    assert_eq!(store.take_due(None, at(609), at(700), 10).await.unwrap(), []);
    assert_eq!(store.take_due(None, at(610), at(625), 10).await.unwrap(), std::slice::from_ref(&id));
    // Whoever took it died.
    assert_eq!(store.take_due(None, at(625), at(640), 10).await.unwrap(), [id]);
    let stored = load(&*store, &over.run).await;
    let again = change_in(&workflow, &stored.value, at(626), |run, ctx| {
        assert_eq!(run.tick(ctx), Some(0));
    });
    assert_eq!((again.run.phase(), again.run.closed_at()), (RunPhase::Active, None));
    assert!(matches!(store.change_run(again.clone(), stored.version).await.unwrap(), Changed::Stored { .. }));
    let active = RunFilter { phase: Some(RunPhase::Active), ..RunFilter::default() };
    assert_eq!(readable(store.list_runs(&active, 10).await.unwrap()).0, [Run::clone(&again.run)]);
    let counts = store.audit_counts().await.unwrap().runs;
    assert_eq!((counts.get("active"), counts.get("acknowledged").copied().unwrap_or(0)), (Some(&1), 0));
}

/// Nothing that names it is left.
pub async fn everything_of_a_purged_run_is_gone(store: Arc<dyn Store>) {
    let case = "everything_gone";
    let opening = Opening::new(case, 1).change();
    let mut change = ended(&opening.run, &sid(case, 1), at(10));
    change.effects.reply_routes = opening.effects.reply_routes;
    change.effects.dead_letters.push(letter(case, 1, 5));
    change.effects.sids.push((sid(case, 2), 1));
    open_new(&*store, &change).await;
    assert_eq!(store.purge(at(11), 100).await.unwrap(), 1);
    assert_eq!(store.load_run(change.run.id()).await.unwrap(), None);
    assert_eq!(store.timeline(change.run.id()).await.unwrap(), []);
    assert_eq!(store.message_of_sid(&sid(case, 1)).await.unwrap(), None);
    assert_eq!(store.message_of_sid(&sid(case, 2)).await.unwrap(), None);
    assert_eq!(store.reply_routes(&number(case, 1), at(0)).await.unwrap(), []);
    assert_eq!(store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap(), []);
    assert_eq!(store.outcomes(0, 10).await.unwrap(), []);
    assert_eq!(store.list_runs(&RunFilter::default(), 10).await.unwrap(), []);
    assert!(store.audit_counts().await.unwrap().runs.values().all(|count| *count == 0));
}

/// Consent belongs to the number, not to the run that learnt of it.
pub async fn consent_outlives_a_purged_run(store: Arc<dyn Store>) {
    let case = "consent_outlives";
    let phone = number(case, 1);
    let mut change = ended(&Opening::new(case, 1).change().run, &sid(case, 1), at(10));
    change.effects.consent.push(entry(&phone, ConsentChange::OptOut, 5));
    open_new(&*store, &change).await;
    assert_eq!(store.purge(at(11), 100).await.unwrap(), 1);
    assert_eq!(store.consent(&phone).await.unwrap().opted_out_since(), Some(at(5)));
    assert_eq!(store.consent_log(&phone).await.unwrap().len(), 1);
}

/// It is remembered for as long as it is stored, and no longer.
pub async fn a_purged_run_can_be_opened_again(store: Arc<dyn Store>) {
    let case = "opened_again";
    open_ended(&*store, case, 1, 10).await;
    assert_eq!(store.purge(at(11), 100).await.unwrap(), 1);
    let again: Change = Opening::new(case, 1).change();
    open_new(&*store, &again).await;
    assert_eq!(store.timeline(again.run.id()).await.unwrap(), again.effects.timeline);
}

/// The rest is for the next call.
pub async fn at_most_as_many_as_asked_for_are_purged(store: Arc<dyn Store>) {
    for n in 1..=5 {
        open_ended(&*store, "at_most_purged", n, 10).await;
    }
    let mut purged = Vec::new();
    for _ in 0..4 {
        purged.push(store.purge(at(11), 2).await.unwrap());
    }
    assert_eq!(purged, [2, 2, 1, 0]);
}

/// What would be purged with others is purged alone, and nothing else.
pub async fn one_run_is_purged_alone_if_it_ended_earlier(store: Arc<dyn Store>) {
    let case = "alone";
    let (first, second) = (open_ended(&*store, case, 1, 10).await, open_ended(&*store, case, 2, 10).await);
    let open = Opening::new(case, 3).change();
    open_new(&*store, &open).await;
    let purged = async |run: &Run, before| store.purge_run(run.id(), at(before)).await.unwrap();
    assert!(!purged(&first, 10).await, "it ended at that time");
    assert!(purged(&first, 11).await && !purged(&first, 11).await);
    assert!(!purged(&open.run, 1_000).await, "it did not end");
    assert!(!is_stored(&*store, &first).await);
    assert!(is_stored(&*store, &second).await && is_stored(&*store, &open.run).await);
}

/// A run whose texts were removed is not named again, and goes when its own time has come.
pub async fn texts_go_before_their_run(store: Arc<dyn Store>) {
    let case = "texts_first";
    let (run, late) = (open_ended(&*store, case, 1, 10).await, open_ended(&*store, case, 2, 11).await);
    let open = Opening::new(case, 3).change();
    open_new(&*store, &open).await;
    let named = async |before, max| store.ended_with_texts(at(before), max).await.unwrap();
    assert_eq!(named(10, 9).await, []);
    assert_eq!(named(11, 9).await, [run.id().clone()]);
    assert_eq!(named(12, 1).await.len(), 1);
    let bare = change(&run, at(20), |run, ctx| assert!(run.remove_texts(ctx)));
    assert!(matches!(store.change_run(bare.clone(), 1).await.unwrap(), Changed::Stored { .. }));
    let found = load(&*store, &run).await.value;
    assert_eq!(found, bare.run);
    assert_eq!(found.messages()[0].text(), None);
    assert_eq!(named(1_000, 9).await, [late.id().clone()]);
    assert!(!store.purge_run(run.id(), at(10)).await.unwrap(), "it ended at that time");
    assert_eq!(store.purge(at(11), 100).await.unwrap(), 1);
    assert!(!is_stored(&*store, &run).await && is_stored(&*store, &late).await);
}

/// An operator may want to have it sent again.
pub async fn a_text_that_waits_for_a_review_stays(store: Arc<dyn Store>) {
    let opening = Opening::new("review_keeps", 1).change();
    let closed = change(&opening.run, at(1), |run, ctx| {
        run.acknowledge("ada", "reply", None, ctx);
        doubt_until_review(run, 1, ctx);
        assert!(!run.remove_texts(ctx));
    });
    assert_eq!(closed.due, None);
    open_new(&*store, &closed).await;
    assert_eq!(store.ended_with_texts(at(1_000), 9).await.unwrap(), []);
    let reviewed = change(&closed.run, at(2), |run, ctx| {
        run.resolve_review(1, &ReviewVerdict::NotSent, "ada", ctx);
    });
    store.change_run(reviewed, 1).await.unwrap();
    assert_eq!(store.ended_with_texts(at(1_000), 9).await.unwrap(), [closed.run.id().clone()]);
}

/// Those of a run go with it, and the counts follow.
pub async fn old_letters_of_no_run_are_purged(store: Arc<dyn Store>) {
    let case = "old_letters";
    let mut opening = Opening::new(case, 9).change();
    let of_run =
        domain::timeline::DeadLetter { message: Some(opening.run.message_id(1)), ..letter(case, 1, 1) };
    opening.effects.dead_letters.push(of_run);
    open_new(&*store, &opening).await;
    for n in 2..=5 {
        store.add_dead_letter(&letter(case, n, n.into())).await.unwrap();
    }
    let purged = async |before| store.purge_letters(at(before), 2).await.unwrap();
    assert_eq!((purged(5).await, purged(5).await, purged(5).await), (2, 1, 0));
    let mut left: Vec<String> = Vec::new();
    for letter in readable(store.dead_letters(&DeadLetterFilter::default(), 9).await.unwrap()).0 {
        left.push(letter.id);
    }
    assert_eq!(left, [format!("{case}-1"), format!("{case}-5")]);
    assert_eq!(store.audit_counts().await.unwrap().dead_letters["unroutable"], 2);
    assert!(store.audit_counts().await.unwrap().balances());
}
