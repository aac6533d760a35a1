//! On-call, silences and consent over HTTP. In: requests of tokens. Out: what there is afterwards, and who may not.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use conformance::{fixture::at, roles::ADA};
use domain::token::Scope;
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn somebody_takes_over_once_however_often_it_is_asked_for() {
    let world = World::new();
    let (operator, reader) = (world.operator().await, world.token(&[Scope::Read], &[]).await);
    let shown = world.get("/v1/oncall?schedule=desk", &reader).await;
    assert_eq!(
        (shown.status, &shown.body[0]["shifts"][0]["contact"]),
        (StatusCode::OK, &json!("ada")),
        "{}",
        shown.body
    );
    let body =
        json!({"schedule": "desk", "contact": "ben", "until": at(3_600).to_string(), "why": "dentist"})
            .to_string();
    let key = [("idempotency-key", "k1")];
    let refused = world.send("POST", "/v1/oncall/overrides", &reader, &key, &body).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    for _ in 0..2 {
        let made = world.send("POST", "/v1/oncall/overrides", &operator, &key, &body).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    }
    let shown = world.get("/v1/oncall?schedule=desk&layer=primary", &reader).await.body;
    let overrides = shown[0]["overrides"].as_array().unwrap();
    assert_eq!(
        (overrides.len(), &overrides[0]["by"], &overrides[0]["why"]),
        (1, &json!("dashboard"), &json!("dentist"))
    );
    assert_eq!(shown[0]["shifts"][0]["contact"], "ben");
    let path = format!("/v1/oncall/overrides/{}", overrides[0]["id"].as_str().unwrap());
    assert_eq!(world.send("DELETE", &path, &operator, &[], "").await.status, StatusCode::OK);
    assert_eq!(world.send("DELETE", &path, &operator, &[], "").await.status, StatusCode::NOT_FOUND);
    for (body, status) in [
        (
            json!({"schedule": "desks", "contact": "ben", "until": at(9).to_string(), "why": "ill"}),
            StatusCode::NOT_FOUND,
        ),
        (
            json!({"schedule": "desk", "contact": "eve", "until": at(9).to_string(), "why": "ill"}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json!({"schedule": "desk", "contact": "ben", "until": "soon"}), StatusCode::BAD_REQUEST),
        (json!({"schedule": "desk", "contact": "ben", "why": "ill"}), StatusCode::BAD_REQUEST),
        (json!({"schedule": "desk", "contact": "ben", "until": at(9).to_string()}), StatusCode::BAD_REQUEST),
        (
            json!({"schedule": "desk", "contact": "ben", "until": at(9).to_string(), "why": " "}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let answer = world.send("POST", "/v1/oncall/overrides", &operator, &[], &body.to_string()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let swap = json!({"schedule": "desk", "one": "ada", "other": "ben", "why": "holiday"}).to_string();
    let swapped = world.send("POST", "/v1/oncall/swaps", &operator, &[], &swap).await;
    assert_eq!(swapped.body[0]["shifts"][0]["contact"], "ben", "{}", swapped.body);
}

#[tokio::test]
async fn a_silence_is_made_listed_and_ended() {
    let world = World::new();
    let operator = world.operator().await;
    let body = json!({"subject": "disk/*", "until": at(3_600).to_string(), "why": "new disks"}).to_string();
    let made = world.send("POST", "/v1/silences", &operator, &[], &body).await;
    assert_eq!((made.status, &made.body[0]["by"]), (StatusCode::OK, &json!("dashboard")), "{}", made.body);
    assert_eq!(world.runs.silences().len(), 1, "in force at once where it is made");
    assert_eq!(world.get("/v1/silences", &operator).await.body, made.body);
    let all = json!({"until": at(3_600).to_string(), "why": "x"}).to_string();
    let refused = world.send("POST", "/v1/silences", &operator, &[], &all).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let of_team = world.token(&[Scope::Operate], &["platform"]).await;
    assert_eq!(world.send("POST", "/v1/silences", &of_team, &[], &body).await.status, StatusCode::FORBIDDEN);
    let path = format!("/v1/silences/{}", made.body[0]["id"].as_str().unwrap());
    assert_eq!(world.send("DELETE", &path, &operator, &[], "").await.body, json!([]));
    assert_eq!(world.send("DELETE", &path, &operator, &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn consent_is_recorded_with_its_proof() {
    let world = World::new();
    let operator = world.operator().await;
    let record = async |body: serde_json::Value| {
        world.send("POST", "/v1/consent", &operator, &[], &body.to_string()).await
    };
    let grant = json!({"number": ADA, "change": "grant", "category": "marketing", "evidence": "form 1"});
    let granted = record(grant).await;
    assert_eq!(granted.body["granted"], json!(["marketing"]), "{}", granted.body);
    let path = format!("/v1/consent?number={}", ADA.replace('+', "%2B"));
    let shown = world.get(&path, &operator).await.body;
    assert_eq!(
        (&shown["entries"][0]["by"], &shown["entries"][0]["evidence"]),
        (&json!("dashboard"), &json!("form 1"))
    );
    assert!(!shown.to_string().contains(ADA), "{shown}");
    let out = record(json!({"number": ADA, "change": "opt_out", "evidence": "letter"})).await;
    assert_eq!(out.body["permitted"], json!([]));
    for (body, status) in [
        (json!({"number": ADA, "change": "grant", "evidence": "x"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"number": ADA, "change": "opt_out", "evidence": " "}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"number": "12", "change": "opt_out", "evidence": "x"}), StatusCode::BAD_REQUEST),
        (json!({"number": ADA, "change": "opt_in", "evidence": "x"}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(record(body.clone()).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn a_calendar_is_read_by_address_with_a_token_that_allows_nothing_else() {
    let world = World::new();
    let (subscriber, reader) =
        (world.token(&[Scope::Calendar], &[]).await, world.token(&[Scope::Read], &[]).await);
    let fetch = async |query: &str| {
        let path = format!("/v1/oncall/calendar.ics?{query}");
        let answer = world.ask(Request::get(path).body(Body::empty()).unwrap()).await;
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    };
    let (status, kind, text) = fetch(&format!("schedule=desk&contact=ada&token={subscriber}")).await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/calendar; charset=utf-8"), "{text}");
    assert!(
        text.starts_with("BEGIN:VCALENDAR") && text.contains("SUMMARY:On call: desk/primary (ada)"),
        "{text}"
    );
    assert!(!text.contains("(ben)") && !text.contains("+1"), "{text}");
    // What allows more is not taken from an address, and what allows that alone reads nothing else.
    for (query, expected) in [
        (format!("token={reader}"), StatusCode::UNAUTHORIZED),
        ("token=callout_none".to_owned(), StatusCode::UNAUTHORIZED),
        (String::new(), StatusCode::UNAUTHORIZED),
        (format!("schedule=none&token={subscriber}"), StatusCode::NOT_FOUND),
        (format!("contact=eve&token={subscriber}"), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (status, _, text) = fetch(&query).await;
        assert_eq!(status, expected, "{query}: {text}");
    }
    assert_eq!(world.get("/v1/oncall", &subscriber).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.get("/v1/runs", &subscriber).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.get("/v1/oncall/calendar.ics", &reader).await.status, StatusCode::OK);
}
