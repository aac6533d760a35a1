//! Who is let in, and to what.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use conformance::fixture::at;
use domain::token::{Scope, Token};

use crate::harness::World;

#[tokio::test]
async fn without_a_token_in_force_nothing_is_answered() {
    let world = World::new();
    let good = world.operator().await;
    let other = format!("{}zzzzz", &good[..good.len() - 5]);
    let paths = ["/v1/runs", "/v1/dead-letters", "/v1/audit", "/v1/status", "/v1/stream", "/v1/runs/x"];
    for path in paths {
        for token in ["", "x", "callout_", &other] {
            let refused = world.get(path, token).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path} {token}");
            assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"callout\"");
            assert_eq!(refused.header("content-type"), "application/problem+json");
        }
        let bare = world.ask(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(world.get("/v1/status", &good).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_ends_when_it_expires_and_at_once_when_it_is_revoked() {
    let world = World::new();
    let (one, other) = (world.operator().await, world.operator().await);
    world.store.remove_token(Token::id_in(&other).unwrap()).await.unwrap();
    assert_eq!(world.get("/v1/runs", &other).await.status, StatusCode::UNAUTHORIZED);
    world.clock.set(at(99));
    assert_eq!(world.get("/v1/runs", &one).await.status, StatusCode::OK);
    world.clock.set(at(100));
    assert_eq!(world.get("/v1/runs", &one).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_scope_that_is_missing_is_named_and_nothing_changes() {
    let world = World::new();
    let id = world.open(1).await;
    let reader = world.token(&[Scope::Read], &[]).await;
    for what in ["acknowledge", "escalate", "cancel"] {
        let refused = world.post(&format!("/v1/runs/{id}/{what}"), &reader, &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what}");
        assert_eq!(refused.body["scope"], "operate", "{what}");
    }
    assert_eq!(world.runs.load(&id).await.unwrap().unwrap().version, 1);
    let texts = world.get(&format!("/v1/runs/{id}?texts=true"), &reader).await;
    assert_eq!((texts.status, &texts.body["scope"]), (StatusCode::FORBIDDEN, &"read_texts".into()));
    let status = world.get("/v1/status", &reader).await.body;
    assert_eq!((&status["principal"], &status["scopes"][0]), (&"dashboard".into(), &"read".into()));
}

#[tokio::test]
async fn the_runs_of_another_team_are_not_there() {
    let world = World::new();
    let id = world.open(1).await;
    let (own, foreign) = (
        world.token(&[Scope::Operate], &["platform"]).await,
        world.token(&[Scope::Operate], &["payments"]).await,
    );
    assert_eq!(world.get("/v1/runs", &own).await.body["runs"][0]["id"], id.as_str());
    assert_eq!(world.get("/v1/runs", &foreign).await.body["runs"].as_array().unwrap().len(), 0);
    assert_eq!(world.get(&format!("/v1/runs/{id}"), &foreign).await.status, StatusCode::NOT_FOUND);
    for what in ["acknowledge", "escalate", "cancel"] {
        let refused = world.post(&format!("/v1/runs/{id}/{what}"), &foreign, &[]).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{what}");
    }
    assert_eq!(world.get("/v1/audit", &foreign).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.runs.load(&id).await.unwrap().unwrap().version, 1);
}
