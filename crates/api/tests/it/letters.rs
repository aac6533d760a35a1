//! Dead letters that tools look at, replay and discard; and the audit's counts.

use axum::http::StatusCode;
use domain::token::Scope;

use crate::harness::World;

#[tokio::test]
async fn a_dead_letter_is_listed_shown_and_replayed_once() {
    let world = World::new();
    let id = world.open(1).await;
    world.kill(&id).await;
    let token = world.operator().await;
    let listed = world.get("/v1/dead-letters?workflow=paging", &token).await.body;
    let letter = &listed["dead_letters"][0];
    assert_eq!((&letter["run"], &letter["message"]), (&id.as_str().into(), &1.into()));
    let path = format!("/v1/dead-letters/{}", letter["id"].as_str().unwrap());
    assert_eq!(world.get(&path, &token).await.body["reason"], letter["reason"]);
    let replayed = world.post(&format!("{path}/replay"), &token, &[]).await;
    assert_eq!((replayed.status, &replayed.body["result"]), (StatusCode::OK, &"replayed".into()));
    assert_eq!(world.post(&format!("{path}/replay"), &token, &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(&path, &token).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_dead_letter_is_discarded_by_who_may_and_shows_its_event_to_who_may() {
    let world = World::new();
    let letter = conformance::fixture::letter("api", 1, 0);
    world.store.add_dead_letter(&letter).await.unwrap();
    let path = format!("/v1/dead-letters/{}", letter.id);
    let (reader, texts) = (
        world.token(&[Scope::Read], &[]).await,
        world.token(&[Scope::Read, Scope::ReadTexts, Scope::Operate], &[]).await,
    );
    assert!(world.get(&path, &reader).await.body["event"].is_null());
    assert_eq!(world.get(&path, &texts).await.body["event"].as_str(), letter.event.as_deref());
    assert_eq!(world.post(&format!("{path}/discard"), &reader, &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.post(&format!("{path}/discard"), &texts, &[]).await.body["result"], "discarded");
    let left = world.get("/v1/dead-letters", &texts).await.body;
    assert_eq!(left["dead_letters"].as_array().unwrap().len(), 0);
    assert_eq!(world.get("/v1/dead-letters?max=0", &texts).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn counts_say_whether_anything_is_lost() {
    let world = World::new();
    world.open(1).await;
    let token = world.token(&[Scope::Read], &[]).await;
    let audit = world.get("/v1/audit", &token).await.body;
    assert_eq!((&audit["balances"], &audit["counts"]["runs"]["active"]), (&true.into(), &1.into()));
}

#[tokio::test]
async fn the_command_line_sees_no_more_of_a_dead_letter_than_its_token_allows() {
    let world = World::new();
    let letter = conformance::fixture::letter("api", 1, 0);
    world.store.add_dead_letter(&letter).await.unwrap();
    let reader = world.token(&[Scope::Read, Scope::Operate], &[]).await;
    let texts = world.token(&[Scope::Read, Scope::ReadTexts], &[]).await;
    let json = [("content-type", "application/json")];
    let show = format!(r#"{{"ask": "show_dead_letter", "id": "{}"}}"#, letter.id);
    let list = r#"{"ask": "list_dead_letters", "filter": {}, "max": 10}"#;
    for (token, is_shown) in [(&reader, false), (&texts, true)] {
        let shown = world.send("POST", api::REMOTE_PATH, token, &json, &show).await;
        assert_eq!((shown.status, shown.body["letter"]["event"].is_string()), (StatusCode::OK, is_shown));
        let listed = world.send("POST", api::REMOTE_PATH, token, &json, list).await;
        assert_eq!(listed.body["letters"][0]["event"].is_string(), is_shown, "{:?}", listed.body);
    }
}

#[tokio::test]
async fn pages_of_letters_that_died_at_one_moment_follow_one_another() {
    let world = World::new();
    for n in 1..=7 {
        world.store.add_dead_letter(&conformance::fixture::letter("pages", n, 0)).await.unwrap();
    }
    let token = world.operator().await;
    let (mut seen, mut path) = (Vec::new(), "/v1/dead-letters?max=2".to_owned());
    loop {
        let page = world.get(&path, &token).await.body;
        let ids = page["dead_letters"].as_array().unwrap().iter();
        seen.extend(ids.map(|letter| letter["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/dead-letters?max=2&after={next}");
        assert!(seen.len() <= 7, "{seen:?}");
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (7, 7));
    assert_eq!(world.get("/v1/dead-letters?after=x", &token).await.status, StatusCode::BAD_REQUEST);
}
