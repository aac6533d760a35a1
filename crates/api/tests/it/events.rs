//! Events over the API: taken, known, refused.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answered, World};

const STRUCTURED: &str = "application/cloudevents+json";

fn event(id: &str, more: Value) -> Value {
    let mut event = json!({
        "specversion": "1.0", "id": id, "source": "/callout/tokens/dashboard", "type": "incident.created",
        "subject": "db-1", "data": {"title": "db-1 is down"},
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

async fn send(world: &World, token: &str, form: &str, body: &Value) -> Answered {
    world.send("POST", "/v1/events", token, &[("content-type", form)], &body.to_string()).await
}

#[tokio::test]
async fn events_are_taken_as_ingest_takes_them() {
    let world = World::new();
    let token = world.raising(&["incident.created"]).await;
    let status = world.get("/v1/status", &token).await.body;
    assert_eq!(
        (&status["scopes"], &status["source"]),
        (&json!(["raise:incident.created"]), &json!("/callout/tokens/dashboard"))
    );
    let taken = send(&world, &token, STRUCTURED, &event("e-1", json!({}))).await;
    assert_eq!(
        (taken.status, &taken.body["status"]),
        (StatusCode::ACCEPTED, &json!("accepted")),
        "{}",
        taken.body
    );
    let batch = json!([event("e-2", json!({})), event("e-2", json!({})), event("e-3", json!({}))]);
    let taken = send(&world, &token, "application/cloudevents-batch+json", &batch).await;
    assert_eq!(
        (taken.status, &taken.body["accepted"], &taken.body["known"]),
        (StatusCode::ACCEPTED, &json!(2), &json!(1))
    );
    let conflict = send(&world, &token, STRUCTURED, &event("e-1", json!({"subject": "db-2"}))).await;
    assert_eq!(
        (conflict.status, &conflict.body["errors"][0]["pointer"]),
        (StatusCode::CONFLICT, &json!("/id"))
    );
}

#[tokio::test]
async fn what_is_wrong_is_named_and_what_is_not_allowed_is_refused() {
    let world = World::new();
    let token = world.raising(&["incident.created"]).await;
    let wrong = send(&world, &token, STRUCTURED, &event("e-1", json!({"data": {"title": 7}}))).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    assert_eq!(wrong.body["errors"][0]["pointer"], "/data/title", "{}", wrong.body);
    for refused in [json!({"type": "incident.resolved"}), json!({"source": "monitoring"})] {
        let answer = send(&world, &token, STRUCTURED, &event("e-1", refused)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    }
    let reader = world.operator().await;
    assert_eq!(
        send(&world, &reader, STRUCTURED, &event("e-1", json!({}))).await.status,
        StatusCode::FORBIDDEN
    );
    // Who may only send reads nothing.
    assert_eq!(world.get("/v1/runs", &token).await.status, StatusCode::FORBIDDEN);
    let plain = send(&world, &token, "text/plain", &event("e-1", json!({}))).await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
