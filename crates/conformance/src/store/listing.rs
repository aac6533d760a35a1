//! Lists of runs. In: runs that differ in what is filtered by. Out: a panic where a list shows too much or too little.
//!
//! Never: lists runs that were opened in one millisecond; their order is the store's.

use std::sync::Arc;

use domain::{
    id::RunId,
    message::MessagePhase,
    run::{Run, RunPhase},
};
use ports::{
    Store,
    store::{RunFilter, readable},
};

use crate::fixture::{
    Opening, acknowledged, at, ended, load, needing_review, open_new, sid, submitted, workflow,
    workflow_named,
};

async fn ids(store: &dyn Store, filter: &RunFilter) -> Vec<RunId> {
    readable(store.list_runs(filter, 100).await.unwrap()).0.into_iter().map(|run| run.id().clone()).collect()
}

async fn open_at(store: &dyn Store, case: &'static str, n: u32, seconds: i64) -> Run {
    let change = Opening::new(case, n).opened(seconds).change();
    open_new(store, &change).await;
    Run::clone(&change.run)
}

/// Whatever the order in which they were stored.
pub async fn runs_are_listed_latest_opened_first(store: Arc<dyn Store>) {
    let case = "latest_opened";
    let second = open_at(&*store, case, 1, 20).await;
    let first = open_at(&*store, case, 2, 30).await;
    let third = open_at(&*store, case, 3, 10).await;
    let listed = readable(store.list_runs(&RunFilter::default(), 100).await.unwrap()).0;
    assert_eq!(listed, [first.clone(), second.clone(), third]);
    assert_eq!(readable(store.list_runs(&RunFilter::default(), 2).await.unwrap()).0, [first, second]);
}

/// Each alone, and all together.
pub async fn every_filter_is_applied(store: Arc<dyn Store>) {
    let active = open_at(&*store, "run_filters", 1, 10).await;
    let taken = open_at(&*store, "run_filters", 2, 20).await;
    let version = load(&*store, &taken).await.version;
    store.change_run(acknowledged(&taken, at(25)), version).await.unwrap();
    let other = Opening::new("run_filters_source", 3).opened(30).through(workflow_named("conformance-other"));
    let other = other.change();
    open_new(&*store, &other).await;

    let none = RunFilter::default;
    let phase = RunFilter { phase: Some(RunPhase::Acknowledged), ..none() };
    assert_eq!(ids(&*store, &phase).await, std::slice::from_ref(taken.id()));
    let through = RunFilter { workflow: Some("conformance-other".into()), ..none() };
    assert_eq!(ids(&*store, &through).await, std::slice::from_ref(other.run.id()));
    let source = RunFilter { source: Some("run_filters".into()), ..none() };
    assert_eq!(ids(&*store, &source).await, [taken.id().clone(), active.id().clone()]);
    let all = RunFilter {
        phase: Some(RunPhase::Active),
        workflow: Some(workflow().name().to_owned()),
        source: Some("run_filters".into()),
        needs_review: false,
        unfinished: false,
        after: Some(other.run.id().clone()),
    };
    assert_eq!(ids(&*store, &all).await, std::slice::from_ref(active.id()));
    assert_eq!(ids(&*store, &RunFilter { workflow: Some("none".into()), ..none() }).await, []);
}

/// A run that is opened between two pages belongs before the first and moves nothing.
pub async fn pages_follow_one_another_without_gaps(store: Arc<dyn Store>) {
    let case = "pages";
    let mut expected = Vec::new();
    for n in 1..=7 {
        expected.insert(0, open_at(&*store, case, n, i64::from(n)).await.id().clone());
    }
    let (mut seen, mut filter) = (Vec::new(), RunFilter::default());
    loop {
        let page = readable(store.list_runs(&filter, 3).await.unwrap()).0;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.id().clone());
        seen.extend(page.into_iter().map(|run| run.id().clone()));
        open_at(&*store, case, 100 + seen.len() as u32, 1_000 + seen.len() as i64).await;
    }
    assert_eq!(seen, expected);
}

/// Not once its doubt is resolved.
pub async fn only_runs_that_need_review_are_listed_as_such(store: Arc<dyn Store>) {
    let case = "held";
    open_at(&*store, case, 1, 10).await;
    let run = open_at(&*store, case, 2, 20).await;
    let filter = RunFilter { needs_review: true, ..RunFilter::default() };
    assert_eq!(ids(&*store, &filter).await, []);
    let stored = load(&*store, &run).await;
    let held = needing_review(&stored.value, at(30));
    store.change_run(held.clone(), stored.version).await.unwrap();
    assert_eq!(ids(&*store, &filter).await, std::slice::from_ref(run.id()));
    let found = submitted(&held.run, &sid(case, 2), at(40));
    assert!(!matches!(found.run.messages()[0].phase(), MessagePhase::NeedsReview { .. }));
    store.change_run(found, stored.version + 1).await.unwrap();
    assert_eq!(ids(&*store, &filter).await, []);
}

/// Not once it has ended; a message that needs review has not, though its run is over.
pub async fn runs_that_have_not_ended_are_listed_as_unfinished(store: Arc<dyn Store>) {
    let case = "unfinished";
    let filter = RunFilter { unfinished: true, ..RunFilter::default() };
    let run = open_at(&*store, case, 1, 10).await;
    let held = open_at(&*store, case, 2, 20).await;
    assert_eq!(ids(&*store, &filter).await, [held.id().clone(), run.id().clone()]);
    let over = ended(&run, &sid(case, 1), at(30));
    store.change_run(over, load(&*store, &run).await.version).await.unwrap();
    let closed = acknowledged(&needing_review(&held, at(30)).run, at(40));
    store.change_run(closed, load(&*store, &held).await.version).await.unwrap();
    assert_eq!(ids(&*store, &filter).await, std::slice::from_ref(held.id()));
}

/// Not as they were opened.
pub async fn a_list_shows_runs_as_they_are(store: Arc<dyn Store>) {
    let run = open_at(&*store, "as_they_are", 1, 10).await;
    let version = load(&*store, &run).await.version;
    let next = acknowledged(&run, at(20));
    store.change_run(next.clone(), version).await.unwrap();
    assert_eq!(
        readable(store.list_runs(&RunFilter::default(), 100).await.unwrap()).0,
        [Run::clone(&next.run)]
    );
}
