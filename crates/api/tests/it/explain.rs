//! Explanations, messages and test pages over HTTP. In: requests of tokens. Out: what is known, and who may not ask.

use axum::http::StatusCode;
use conformance::roles::ADA;
use domain::token::Scope;
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_test_page_is_begun_once_and_says_how_far_it_is() {
    let world = World::new();
    let (operator, reader) = (world.operator().await, world.token(&[Scope::Read], &[]).await);
    let of_team = world.token(&[Scope::Operate], &["platform"]).await;
    let body = json!({"contact": "ada", "reply": false}).to_string();
    let key = [("idempotency-key", "k1")];
    for token in [&reader, &of_team] {
        let refused = world.send("POST", "/v1/test-pages", token, &key, &body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let first = world.send("POST", "/v1/test-pages", &operator, &key, &body).await;
    assert_eq!(
        (first.status, &first.body["phase"]),
        (StatusCode::ACCEPTED, &json!("active")),
        "{}",
        first.body
    );
    let again = world.send("POST", "/v1/test-pages", &operator, &key, &body).await;
    assert_eq!((again.status, &again.body["run"]), (StatusCode::ACCEPTED, &first.body["run"]));
    let path = format!("/v1/test-pages/{}", first.body["run"].as_str().unwrap());
    let shown = world.get(&path, &reader).await;
    assert_eq!((shown.status, &shown.body["arrived"]), (StatusCode::OK, &json!(false)), "{}", shown.body);
    assert_eq!(shown.body["missing"], json!(["the text was not sent"]));
    assert!(!shown.body.to_string().contains(ADA), "{}", shown.body);

    let to = ADA.replace('+', "%2B");
    let messages = world.get(&format!("/v1/messages?to={to}&max=5"), &reader).await;
    assert_eq!(messages.status, StatusCode::OK, "{}", messages.body);
    let listed = messages.body["messages"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["run"]), (1, &first.body["run"]));
    assert!(!messages.body.to_string().contains("no incident"), "without its words: {}", messages.body);
    for whom in [format!("recipient={to}"), "contact=ada".to_owned()] {
        let why = world.get(&format!("/v1/explain?{whom}&window_s=600"), &reader).await;
        assert_eq!(why.status, StatusCode::OK, "{}", why.body);
        assert_eq!(
            (&why.body["contacts"], &why.body["texted"][0]["run"]),
            (&json!(["ada"]), &first.body["run"]),
            "{}",
            why.body
        );
    }
    for (path, status) in [
        ("/v1/explain", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/explain?contact=ada&recipient=%2B14155550101", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/explain?contact=ada&at=soon", StatusCode::BAD_REQUEST),
        ("/v1/explain?contact=ada&window_s=0", StatusCode::BAD_REQUEST),
        ("/v1/explain?contact=nobody", StatusCode::NOT_FOUND),
        ("/v1/messages", StatusCode::BAD_REQUEST),
        ("/v1/messages?to=me", StatusCode::BAD_REQUEST),
        ("/v1/messages?to=%2B14155550101&max=5000", StatusCode::BAD_REQUEST),
        ("/v1/test-pages/none", StatusCode::BAD_REQUEST),
        ("/v1/test-pages/r000000000000000000", StatusCode::NOT_FOUND),
    ] {
        let answer = world.get(path, &reader).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let silent = world.token(&[Scope::Approve], &[]).await;
    for id in ["none", "r000000000000000000"] {
        let answer = world.get(&format!("/v1/test-pages/{id}"), &silent).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{id}: {}", answer.body);
    }
    let nobody = json!({"contact": "nobody"}).to_string();
    let refused = world.send("POST", "/v1/test-pages", &operator, &[], &nobody).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.body);
}
