//! Runs that tools list, look at and change.

use axum::http::StatusCode;
use domain::{admission::Admission, token::Scope};

use crate::harness::World;

#[tokio::test]
async fn lists_are_pages_that_follow_one_another() {
    let world = World::new();
    for n in 1..=5 {
        world.open(n).await;
    }
    let token = world.operator().await;
    let (mut seen, mut path) = (Vec::new(), "/v1/runs?max=2".to_owned());
    loop {
        let page = world.get(&path, &token).await.body;
        seen.extend(page["runs"].as_array().unwrap().iter().map(|run| run["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/runs?max=2&after={next}");
    }
    let all = world.get("/v1/runs?max=500", &token).await.body;
    let all: Vec<_> = all["runs"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    assert_eq!((seen.len(), &seen), (5, &all));
}

#[tokio::test]
async fn every_condition_of_a_list_holds() {
    let world = World::new();
    let (one, two) = (world.open(1).await, world.open(2).await);
    world.hold(&two).await;
    let token = world.operator().await;
    let shown = world.get(&format!("/v1/runs/{one}"), &token).await.body;
    let (event, source) = (shown["event_id"].as_str().unwrap(), shown["source"].as_str().unwrap());
    let ids = async |query: String| {
        let page = world.get(&format!("/v1/runs?{query}"), &token).await;
        assert_eq!(page.status, StatusCode::OK, "{query}: {:?}", page.body);
        let runs = page.body["runs"].as_array().unwrap().clone();
        let mut ids: Vec<String> = runs.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let mut both = vec![one.to_string(), two.to_string()];
    both.sort();
    assert_eq!(ids(format!("event={event}")).await, [one.to_string()]);
    assert_eq!(ids("needs_review=true".to_owned()).await, [two.to_string()]);
    for all in [format!("source={source}"), "workflow=paging&phase=active&unfinished=true".to_owned()] {
        assert_eq!(ids(all).await, both);
    }
    let opened_at = shown["opened_at"].as_str().unwrap();
    for recent in [format!("since={opened_at}"), "since=2h".to_owned()] {
        assert_eq!(ids(recent).await, both);
    }
    for none in [
        "phase=cancelled".to_owned(),
        "source=other".to_owned(),
        format!("until={opened_at}"),
        "until=2h".to_owned(),
        "to=%2B14155559999".to_owned(),
    ] {
        assert_eq!(ids(none.clone()).await, [""; 0], "{none}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_read_says_what_is_wrong() {
    let world = World::new();
    let token = world.operator().await;
    for (path, says) in [
        (
            "/v1/runs?phase=asleep",
            "phase: expected one of active, acknowledged, completed, resolved, exhausted, suppressed, expired, cancelled, for \
             example phase=active",
        ),
        ("/v1/runs?max=0", "max: expected a whole number from 1 to 500, for example max=50"),
        ("/v1/runs?max=many", "max: expected a whole number from 1 to 500"),
        ("/v1/runs?colour=red", "colour"),
        (
            "/v1/runs?since=yesterday",
            "since: expected a time with its zone, or how long ago it was, for example since=2026-01-31T09:30:00Z or 2h",
        ),
        ("/v1/runs?until=2026-01-31", "until: expected a time with its zone"),
        (
            "/v1/runs?needs_review=maybe",
            "needs_review: expected true or false, for example needs_review=true",
        ),
        ("/v1/runs?to=0170", "to: expected a number in E.164"),
        ("/v1/runs?to_hash=x", "to_hash: expected the keyed hash"),
        ("/v1/runs?after=x", "after: expected the `next` of the page before"),
        ("/v1/runs?workflow=other", "workflow: there is no such one; there are paging, "),
        ("/v1/dead-letters?since=x", "since: expected a time with its zone"),
        ("/v1/dead-letters?max=0", "max: expected a whole number from 1 to 10000"),
        ("/v1/dead-letters?workflow=other", "workflow: there is no such one; there are paging, "),
        ("/v1/stream?after=x", "after: expected the id of an event of the stream, for example after=17"),
        ("/v1/runs/not-an-id", "expected the id of a run"),
    ] {
        let refused = world.get(path, &token).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(refused.body["detail"].as_str().unwrap().contains(says), "{path}: {:?}", refused.body);
    }
    let id = world.open(1).await;
    for body in
        ["", "{", "{\"sent\": 7}", "{\"sent\": true, \"colour\": 1}", "{\"sent\": false, \"sid\": \"x\"}"]
    {
        let refused = world.send("POST", &format!("/v1/runs/{id}/resolve-doubt"), &token, &[], body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_run_is_shown_without_texts_and_whole_numbers() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.token(&[Scope::Read, Scope::ReadTexts], &[]).await;
    let shown = world.get(&format!("/v1/runs/{id}"), &token).await;
    assert_eq!((shown.status, shown.header("etag")), (StatusCode::OK, "\"1\""));
    let message = &shown.body["messages"][0];
    assert!(message["text"].is_null() && message["to"].as_str().unwrap().contains('…'), "{message}");
    assert!(!shown.body["timeline"].as_array().unwrap().is_empty());
    let revealed = world.get(&format!("/v1/runs/{id}?texts=true"), &token).await.body;
    assert!(revealed["messages"][0]["text"].is_string(), "{revealed}");
}

#[tokio::test]
async fn a_change_names_its_principal_and_the_version_that_it_made() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    let taken = world.post(&format!("/v1/runs/{id}/acknowledge"), &token, &[]).await;
    assert_eq!((taken.status, taken.header("etag")), (StatusCode::OK, "\"2\""));
    assert_eq!((&taken.body["changed"], &taken.body["run"]["phase"]), (&true.into(), &"acknowledged".into()));
    let said = taken.body["run"]["timeline"].to_string();
    assert!(said.contains("acknowledged by dashboard (api)"), "{said}");
}

#[tokio::test]
async fn a_change_of_what_others_changed_since_is_refused() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    let cancel = format!("/v1/runs/{id}/cancel");
    let stale = world.post(&cancel, &token, &[("if-match", "\"7\"")]).await;
    assert_eq!((stale.status, &stale.body["version"]), (StatusCode::PRECONDITION_FAILED, &1.into()));
    let odd = world.post(&cancel, &token, &[("if-match", "seven")]).await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
    let done = world.post(&cancel, &token, &[("if-match", "\"1\"")]).await;
    assert_eq!((done.status, &done.body["changed"]), (StatusCode::OK, &true.into()));
    // Any version will do.
    let again = world.post(&cancel, &token, &[("if-match", "*")]).await;
    assert_eq!((again.status, &again.body["changed"]), (StatusCode::OK, &false.into()));
}

#[tokio::test]
async fn a_repeated_request_gets_the_answer_that_was_given() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    let escalate = format!("/v1/runs/{id}/escalate");
    let headers = [("idempotency-key", "once"), ("if-match", "\"1\"")];
    let first = world.post(&escalate, &token, &headers).await;
    assert_eq!((first.status, &first.body["run"]["step"]), (StatusCode::OK, &2.into()));
    let again = world.post(&escalate, &token, &headers).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((again.header("etag"), first.header("etag")), ("\"2\"", "\"2\""));
    assert_eq!(world.runs.load(&id).await.unwrap().unwrap().value.step(), 1);
    // The key of one token is nothing to another, and another request needs a key of its own.
    let other = world.operator().await;
    let unkept = world.post(&escalate, &other, &headers).await;
    assert_eq!(unkept.status, StatusCode::PRECONDITION_FAILED);
    let reused = world.post(&format!("/v1/runs/{id}/cancel"), &token, &headers).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let spaced = world.post(&escalate, &token, &[("idempotency-key", "two words")]).await;
    assert_eq!(spaced.status, StatusCode::BAD_REQUEST);
    let empty = world.post(&escalate, &token, &[("idempotency-key", " ")]).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_doubt_is_ended_by_saying_whether_the_text_was_sent() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    let path = format!("/v1/runs/{id}/resolve-doubt");
    let nothing = world.send("POST", &path, &token, &[], r#"{"sent": false}"#).await;
    assert_eq!(nothing.status, StatusCode::CONFLICT);
    world.hold(&id).await;
    let ended = world.send("POST", &path, &token, &[], r#"{"message": 1, "sent": false}"#).await;
    assert_eq!((ended.status, &ended.body["changed"]), (StatusCode::OK, &true.into()));
    assert_eq!(
        world.get("/v1/runs?needs_review=true", &token).await.body["runs"].as_array().unwrap().len(),
        0
    );
}

#[tokio::test]
async fn of_many_requests_under_one_key_one_is_carried_out() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    let path = format!("/v1/runs/{id}/escalate");
    let once = [("idempotency-key", "once")];
    let requests = (0..24).map(|_| world.post(&path, &token, &once));
    let answers = futures::future::join_all(requests).await;
    let changed = answers.iter().filter(|answer| answer.body["changed"] == true);
    assert!(changed.clone().count() >= 1, "{:?}", answers[0].body);
    assert!(changed.clone().all(|answer| answer.body["run"]["step"] == 2));
    let mut others = answers.iter().filter(|answer| answer.body["changed"] != true);
    assert!(others.all(|answer| answer.status == StatusCode::CONFLICT));
    assert_eq!(world.run(&id).await.step(), 1);
    // Whoever was told to come again gets the answer that was given.
    let again = world.post(&path, &token, &once).await;
    assert_eq!((again.status, &again.body["changed"]), (StatusCode::OK, &true.into()));
}

#[tokio::test]
async fn what_happens_to_a_run_meanwhile_does_not_hold_up_an_escalation() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    // A change of the run, such as a receipt, between what the caller saw and the request.
    world.runs.apply(&id, |run, ctx| run.admit(1, &Admission::default(), ctx)).await.unwrap();
    let moved = world.post(&format!("/v1/runs/{id}/escalate"), &token, &[]).await;
    assert_eq!((&moved.body["changed"], &moved.body["run"]["step"]), (&true.into(), &2.into()));
}

#[tokio::test]
async fn an_acknowledgement_that_is_repeated_writes_nothing() {
    let world = World::new();
    let id = world.open(1).await;
    let token = world.operator().await;
    let acknowledge = format!("/v1/runs/{id}/acknowledge");
    let first = world.post(&acknowledge, &token, &[]).await;
    let again = world.post(&acknowledge, &token, &[]).await;
    assert_eq!((first.header("etag"), again.header("etag")), ("\"2\"", "\"2\""));
    assert_eq!((&again.body["changed"], &again.body["run"]), (&false.into(), &first.body["run"]));
}

#[tokio::test]
async fn a_path_that_is_no_text_and_a_body_that_is_too_long_are_problems() {
    let world = World::new();
    let token = world.operator().await;
    let id = world.open(1).await;
    let long = " ".repeat(3 * 1024 * 1024);
    for answer in [
        world.get("/v1/runs/%ff", &token).await,
        world.send("POST", &format!("/v1/runs/{id}/resolve-doubt"), &token, &[], &long).await,
    ] {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn a_weak_tag_matches_nothing_and_two_keys_are_none() {
    let world = World::new();
    let token = world.operator().await;
    let cancel = format!("/v1/runs/{}/cancel", world.open(1).await);
    let weak = world.post(&cancel, &token, &[("if-match", "W/\"1\"")]).await;
    assert_eq!(weak.status, StatusCode::PRECONDITION_FAILED);
    assert!(weak.body["detail"].as_str().unwrap().contains("weak tag"), "{}", weak.body);
    let both = world.post(&cancel, &token, &[("idempotency-key", "one"), ("idempotency-key", "two")]).await;
    assert_eq!(both.status, StatusCode::BAD_REQUEST);
    assert!(both.body["detail"].as_str().unwrap().contains("there are several"), "{}", both.body);
    let done = world.post(&cancel, &token, &[("if-match", "\"1\"")]).await;
    assert_eq!((done.status, &done.body["changed"]), (StatusCode::OK, &true.into()));
}
