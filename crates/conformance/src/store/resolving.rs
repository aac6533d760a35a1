//! Resolutions. In: runs with subjects. Out: a panic where a resolved subject would still send a text, or a new
//! problem would not. Never: changes a run; the callers of `resolve` do.

use std::sync::Arc;

use domain::{effect::Ticket, id::RunId};
use ports::{Opened, Store};

use crate::fixture::{
    Opening, acknowledged, at, cancelled, change, exhausted_with_ticket, load, open, open_new, opening,
    resolution, workflow, workflow_named,
};

async fn resolve(store: &dyn Store, case: &str, n: u32, seconds: i64) -> Vec<RunId> {
    let mut runs = store.resolve(&resolution(case, "db-1", n, seconds)).await.unwrap();
    runs.sort();
    runs
}

/// Neither ended runs, nor other subjects, nor other workflows; and nothing is recorded.
pub async fn the_open_runs_of_a_subject_are_found(store: Arc<dyn Store>) {
    let case = "open_runs_found";
    let mut expected = Vec::new();
    for n in [1, 2] {
        let change = Opening::new(case, n).subject("db-1").change();
        store.open_run(change.clone(), opening(&change, at(i64::from(100 * n)))).await.unwrap();
        expected.push(change.run.id().clone());
    }
    let first = Opening::new(case, 1).subject("db-1").change().run;
    let version = load(&*store, &first).await.version;
    store.change_run(acknowledged(&first, at(1)), version).await.unwrap();
    let ended = Opening::new(case, 3).subject("db-1").change();
    open_new(&*store, &ended).await;
    let version = load(&*store, &ended.run).await.version;
    store.change_run(cancelled(&ended.run, at(1)), version).await.unwrap();
    open_new(&*store, &Opening::new(case, 4).subject("db-2").change()).await;
    let other = Opening::new(case, 5).subject("db-1").through(workflow_named("conformance-other"));
    open_new(&*store, &other.change()).await;
    let (workflow, subject) = (first.workflow(), first.subject().unwrap());
    let mut found = store.open_runs(workflow, subject).await.unwrap();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(store.open_runs(workflow, "unheard-of").await.unwrap(), []);
    open_new(&*store, &Opening::new(case, 6).subject("db-1").change()).await;
}

/// Neither ended runs, nor other subjects, nor other workflows.
pub async fn resolving_returns_the_open_runs_of_the_subject_alone(store: Arc<dyn Store>) {
    let case = "open_runs_alone";
    let mut expected = Vec::new();
    for n in [1, 2] {
        let change = Opening::new(case, n).subject("db-1").change();
        open_new(&*store, &change).await;
        expected.push(change.run.id().clone());
    }
    expected.sort();
    let ended = Opening::new(case, 3).subject("db-1").change();
    open_new(&*store, &ended).await;
    let version = load(&*store, &ended.run).await.version;
    store.change_run(cancelled(&ended.run, at(1)), version).await.unwrap();
    open_new(&*store, &Opening::new(case, 4).subject("db-2").change()).await;
    open_new(&*store, &Opening::new(case, 5).change()).await;
    let other = Opening::new(case, 6).subject("db-1").through(workflow_named("conformance-other"));
    open_new(&*store, &other.change()).await;
    assert_eq!(resolve(&*store, case, 1, 10).await, expected);
}

/// The problem came back before the news that it was over arrived.
pub async fn a_run_for_a_later_event_is_left_alone(store: Arc<dyn Store>) {
    let case = "later_event";
    let change = Opening::new(case, 1).subject("db-1").change();
    store.open_run(change.clone(), opening(&change, at(11))).await.unwrap();
    assert_eq!(resolve(&*store, case, 1, 10).await, []);
    // A tie is decided for telling somebody.
    assert_eq!(resolve(&*store, case, 2, 11).await, []);
    assert_eq!(resolve(&*store, case, 3, 12).await, std::slice::from_ref(change.run.id()));
}

/// The domain lets `acknowledged` become `resolved`.
pub async fn an_acknowledged_run_can_still_be_resolved(store: Arc<dyn Store>) {
    let case = "acknowledged_resolved";
    let change = Opening::new(case, 1).subject("db-1").change();
    open_new(&*store, &change).await;
    let version = load(&*store, &change.run).await.version;
    store.change_run(acknowledged(&change.run, at(1)), version).await.unwrap();
    assert_eq!(resolve(&*store, case, 1, 10).await, std::slice::from_ref(change.run.id()));
}

/// Its ticket hears of it, once. It pages nobody, so it is not among the open runs.
pub async fn an_exhausted_run_with_a_ticket_hears_of_a_resolution_once(store: Arc<dyn Store>) {
    let case = "exhausted_resolved";
    let mut expected = Vec::new();
    for n in [1, 2] {
        let change = Opening::new(case, n).subject("db-1").change();
        open_new(&*store, &change).await;
        expected.push(change.run.id().clone());
    }
    let run = Opening::new(case, 1).subject("db-1").change().run;
    let version = load(&*store, &run).await.version;
    let exhausted = exhausted_with_ticket(&run, at(5));
    store.change_run(exhausted.clone(), version).await.unwrap();
    let open = store.open_runs(run.workflow(), run.subject().unwrap()).await.unwrap();
    assert_eq!(open, expected[1..]);
    expected.sort();
    assert_eq!(resolve(&*store, case, 1, 0).await, [], "it is of the moment at which the event happened");
    assert_eq!(resolve(&*store, case, 2, 10).await, expected);
    assert_eq!(resolve(&*store, case, 2, 10).await, expected, "until it is noted");
    let by = resolution(case, "db-1", 2, 10).by;
    let noted = change(&exhausted.run, at(10), |run, ctx| _ = run.resolve(&by, &[], ctx));
    store.change_run(noted, version + 1).await.unwrap();
    expected.retain(|id| id != run.id());
    assert_eq!(resolve(&*store, case, 3, 20).await, expected);
}

/// A text failed after the end of the run, and that opens a ticket.
pub async fn a_ticket_that_is_wanted_after_the_end_hears_of_a_resolution(store: Arc<dyn Store>) {
    let case = "ticket_after_end";
    let opening = Opening::new(case, 1).subject("db-1").change();
    open_new(&*store, &opening).await;
    let version = load(&*store, &opening.run).await.version;
    let ended = cancelled(&opening.run, at(1));
    store.change_run(ended.clone(), version).await.unwrap();
    assert_eq!(resolve(&*store, case, 1, 10).await, []);
    let ticket = Ticket { destination: "desk".to_owned(), key: "#7".to_owned(), url: None };
    let ticketed = change(&ended.run, at(11), |run, ctx| run.take_ticket(&ticket, ctx));
    store.change_run(ticketed, version + 1).await.unwrap();
    assert_eq!(resolve(&*store, case, 2, 12).await, std::slice::from_ref(opening.run.id()));
}

/// The resolving event overtook the opening one.
pub async fn an_event_before_the_resolution_is_resolved_already(store: Arc<dyn Store>) {
    let case = "resolved_already";
    let by = resolution(case, "db-1", 1, 10).by;
    assert_eq!(resolve(&*store, case, 1, 10).await, []);
    for (n, seconds) in [(1, 8), (2, 9)] {
        let change = Opening::new(case, n).subject("db-1").change();
        let opened = store.open_run(change.clone(), opening(&change, at(seconds))).await.unwrap();
        assert_eq!(opened, Opened::AlreadyResolved { by: by.clone() });
        assert_eq!(store.load_run(change.run.id()).await.unwrap(), None);
        assert_eq!(store.timeline(change.run.id()).await.unwrap(), []);
    }
    assert_eq!(store.next_due().await.unwrap(), None);
}

/// It is a new problem, and so is one of another subject, or of none.
pub async fn a2_an_event_at_or_after_the_resolution_opens(store: Arc<dyn Store>) {
    let case = "after_resolution";
    resolve(&*store, case, 1, 10).await;
    // A tie is decided for telling somebody.
    for (n, seconds) in [(1, 10), (5, 11)] {
        let later = Opening::new(case, n).subject("db-1").change();
        assert!(matches!(
            store.open_run(later.clone(), opening(&later, at(seconds))).await.unwrap(),
            Opened::New { .. }
        ));
    }
    open_new(&*store, &Opening::new(case, 2).subject("db-2").change()).await;
    open_new(&*store, &Opening::new(case, 3).change()).await;
    let other = Opening::new(case, 4).subject("db-1").through(workflow_named("conformance-other"));
    open_new(&*store, &other.change()).await;
}

/// The run that opens as resolved records why no text was sent.
pub async fn a_closed_run_is_stored_whatever_was_resolved(store: Arc<dyn Store>) {
    let case = "closed_stored";
    resolve(&*store, case, 1, 10).await;
    let closed = cancelled(&Opening::new(case, 1).subject("db-1").change().run, at(0));
    open_new(&*store, &closed).await;
    assert_eq!(load(&*store, &closed.run).await.value, closed.run);
}

/// A repeated event is known first of all.
pub async fn a_known_run_stays_known_after_its_subject_is_resolved(store: Arc<dyn Store>) {
    let case = "known_then_resolved";
    let change = Opening::new(case, 1).subject("db-1").change();
    open_new(&*store, &change).await;
    resolve(&*store, case, 1, 10).await;
    assert_eq!(open(&*store, &change).await, Opened::Known);
}

/// The latest counts for everything before it.
pub async fn a_later_resolution_replaces_an_earlier_one(store: Arc<dyn Store>) {
    let case = "later_replaces";
    resolve(&*store, case, 1, 10).await;
    resolve(&*store, case, 2, 20).await;
    let change = Opening::new(case, 1).subject("db-1").change();
    let by = resolution(case, "db-1", 2, 20).by;
    assert_eq!(
        store.open_run(change.clone(), opening(&change, at(15))).await.unwrap(),
        Opened::AlreadyResolved { by }
    );
}

/// An old resolving event that comes late takes nothing back.
pub async fn an_earlier_resolution_never_replaces_a_later_one(store: Arc<dyn Store>) {
    let case = "earlier_does_not";
    resolve(&*store, case, 2, 20).await;
    resolve(&*store, case, 1, 10).await;
    let change = Opening::new(case, 1).subject("db-1").change();
    let by = resolution(case, "db-1", 2, 20).by;
    assert_eq!(
        store.open_run(change.clone(), opening(&change, at(15))).await.unwrap(),
        Opened::AlreadyResolved { by }
    );
}

/// A caller that died before it changed the runs finds them again.
pub async fn resolving_twice_returns_the_same(store: Arc<dyn Store>) {
    let case = "resolve_twice";
    let change = Opening::new(case, 1).subject("db-1").change();
    open_new(&*store, &change).await;
    let first = resolve(&*store, case, 1, 10).await;
    assert_eq!(first, std::slice::from_ref(change.run.id()));
    assert_eq!(resolve(&*store, case, 1, 10).await, first);
}

/// Unless the sources share their subjects, a resolution is found by runs of its own source alone.
pub async fn a3_a_late_run_of_another_source_finds_no_resolution(store: Arc<dyn Store>) {
    let case = "other_source";
    let mut elsewhere = resolution(case, "db-1", 1, 10);
    elsewhere.marker = workflow().definition.resolution_marker("elsewhere", &elsewhere.subject);
    store.resolve(&elsewhere).await.unwrap();
    open_new(&*store, &Opening::new(case, 1).subject("db-1").change()).await;
}
