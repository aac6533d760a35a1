//! A process that dies between a change and its stored answer: the same request makes the change once, and is answered.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use conformance::fixture::at;
use domain::{id::RunId, run::RunPhase};
use jiff::Timestamp;
use ports::{AnswerStore, GivenAnswer, Store, StoreError, store::RunFilter};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::harness::{Answered, World};

/// Where a process dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DiesAt {
    /// After it noted what the change begins with, and before it makes the change.
    Noted,
    /// After the change, and before its answer is stored.
    Answered,
}

/// The answers of a process that dies.
struct Dying {
    store: Arc<dyn Store>,
    at: DiesAt,
    kept: AtomicU32,
    dies: Notify,
}

impl Dying {
    async fn die<T>(&self) -> T {
        self.dies.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl AnswerStore for Dying {
    async fn answer(&self, key: &str, now: Timestamp) -> Result<Option<GivenAnswer>, StoreError> {
        self.store.answer(key, now).await
    }

    async fn keep_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_kept = self.store.keep_answer(key, answer, now, until).await;
        // The first claims the key; the second notes what the change begins with.
        if self.at == DiesAt::Noted && self.kept.fetch_add(1, Ordering::Relaxed) == 1 {
            return self.die().await;
        }
        is_kept
    }

    async fn replace_answer(&self, _: &str, _: &GivenAnswer, _: Timestamp) -> Result<(), StoreError> {
        self.die().await
    }
}

/// One request to a process that dies while it carries it out.
async fn die(world: &World, token: &str, path: &str, body: &str, at: DiesAt) {
    let dying =
        Arc::new(Dying { store: world.store.clone(), at, kept: AtomicU32::new(0), dies: Notify::new() });
    let request = Request::post(path).header("authorization", format!("Bearer {token}"));
    let request = request.header("idempotency-key", "once").body(Body::from(body.to_owned())).unwrap();
    tokio::select! {
        answer = world.over(dying.clone()).oneshot(request) => panic!("{path}: it was answered: {answer:?}"),
        () = dying.dies.notified() => {}
    }
}

/// One request under one key: to a process that dies after the change, to the next one at once, and after a while twice.
async fn repeated(world: &World, path: &str, body: &str) -> Answered {
    let token = world.operator().await;
    let headers = [("idempotency-key", "once")];
    die(world, &token, path, body, DiesAt::Answered).await;
    let at_once = world.send("POST", path, &token, &headers, body).await;
    assert_eq!(at_once.status, StatusCode::CONFLICT, "{path}: the process may live still");
    world.clock.set(at(40));
    let answer = world.send("POST", path, &token, &headers, body).await;
    let again = world.send("POST", path, &token, &headers, body).await;
    assert_eq!((again.status, &again.body), (answer.status, &answer.body), "{path}");
    assert_eq!(again.header("idempotent-replayed"), "true", "{path}");
    answer
}

/// The lines of a run's timeline of this kind, but for a doubt that is left to an operator.
async fn lines(world: &World, id: &RunId, what: &str) -> usize {
    let timeline = world.store.timeline(id).await.unwrap();
    let lines = timeline.iter().map(|line| serde_json::to_value(line).unwrap());
    lines.filter(|line| line["what"] == what && line["by"] != "hold").count()
}

async fn run_change(
    prepare: impl AsyncFn(&World, &RunId),
    change: &str,
    body: &str,
    what: &str,
) -> (World, Value) {
    let world = World::new();
    let id = world.open(1).await;
    prepare(&world, &id).await;
    let answer = repeated(&world, &format!("/v1/runs/{id}/{change}"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{change}: {}", answer.body);
    assert_eq!(answer.body["changed"], false, "{change}");
    assert_eq!(lines(&world, &id, what).await, 1, "{change}");
    (world, answer.body["run"].clone())
}

#[tokio::test]
async fn a_run_is_changed_once() {
    let as_it_is = async |_: &World, _: &RunId| {};
    let (_, run) = run_change(as_it_is, "escalate", "", "escalated").await;
    assert_eq!((&run["step"], &run["phase"]), (&json!(2), &json!("active")));
    let (_, run) = run_change(as_it_is, "acknowledge", "", "acknowledged").await;
    assert_eq!(run["phase"], json!(RunPhase::Acknowledged));
    let (_, run) = run_change(as_it_is, "cancel", "", "closed").await;
    assert_eq!(run["phase"], json!(RunPhase::Cancelled));
    let held = async |world: &World, id: &RunId| world.hold(id).await;
    let (_, run) = run_change(held, "resolve-doubt", r#"{"sent": true}"#, "doubt_settled").await;
    assert_eq!(run["messages"][0]["unfinished"], false);
}

#[tokio::test]
async fn a_text_that_is_held_again_is_not_the_one_that_was_meant() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    world.hold(&id).await;
    let (path, body) = (format!("/v1/runs/{id}/resolve-doubt"), r#"{"sent": false}"#);
    die(&world, &token, &path, body, DiesAt::Answered).await;
    assert!(!world.run(&id).await.message(1).unwrap().needs_review());
    // It is sent once more, and again nobody knows whether it went out.
    world.hold(&id).await;
    world.clock.set(at(40));
    let answer = world.send("POST", &path, &token, &[("idempotency-key", "once")], body).await;
    assert_eq!((answer.status, &answer.body["changed"]), (StatusCode::OK, &json!(false)));
    assert!(world.run(&id).await.message(1).unwrap().needs_review());
}

#[tokio::test]
async fn a_dead_letter_is_replayed_or_discarded_once() {
    for (change, what) in [("replay", "replayed"), ("discard", "discarded")] {
        let world = World::new();
        let id = world.open(1).await;
        world.kill(&id).await;
        let letter = world.store.dead_letters(&Default::default(), 10).await.unwrap().remove(0).unwrap();
        let answer = repeated(&world, &format!("/v1/dead-letters/{}/{change}", letter.id), "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{change}: {}", answer.body);
        assert_eq!(lines(&world, &id, what).await, 1, "{change}");
    }
}

#[tokio::test]
async fn a_change_that_was_not_made_is_made_by_the_repetition() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    let path = format!("/v1/runs/{id}/escalate");
    die(&world, &token, &path, "", DiesAt::Noted).await;
    assert_eq!(world.run(&id).await.step(), 0);
    world.clock.set(at(40));
    let answer = world.post(&path, &token, &[("idempotency-key", "once")]).await;
    assert_eq!((&answer.body["changed"], &answer.body["run"]["step"]), (&json!(true), &json!(2)));
}

/// The run of a test page is named by the key, so the repetition finds it.
#[tokio::test]
async fn a_test_page_is_sent_once() {
    let world = World::new();
    let body = r#"{"contact": "ada", "reply": false}"#;
    let answer = repeated(&world, "/v1/test-pages", body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let runs = world.store.list_runs(&RunFilter::default(), 10).await.unwrap();
    let ids: Vec<String> = runs.into_iter().map(|run| run.unwrap().id().to_string()).collect();
    assert_eq!(json!(ids), json!([answer.body["run"]]));
}
