//! What a reader of the stream sees, and where it goes on.

use api::StreamClient;
use axum::{
    body::{Body, BodyDataStream},
    http::Request,
};
use conformance::fixture::at;
use domain::{
    effect::{Act, Effect, EffectAnswer, OutcomeEvent, OutcomeKind},
    token::{Scope, Token},
};
use futures::StreamExt as _;
use ports::{DestinationClient as _, EffectRequest};

use crate::harness::World;

fn event(n: u32, workflow: &str) -> OutcomeEvent {
    OutcomeEvent {
        id: format!("event-{n}"),
        kind: OutcomeKind::RunOpened,
        at: at(0),
        run: None,
        workflow: Some(workflow.to_owned()),
        source: None,
        event_id: None,
        subject: None,
        phase: None,
        step: None,
        message: None,
        by: None,
        detail: None,
        ticket: None,
        approval: None,
    }
}

async fn happens(world: &World, n: u32, workflow: &str) {
    let effect = Effect::new(&event(n, workflow), "api-stream", Act::Notify);
    let request =
        EffectRequest { effect, run: None, timeline: Vec::new(), run_url: None, may_exist: false, at: at(0) };
    // Whoever hears no answer does it again.
    for _ in 0..2 {
        let answer = StreamClient(world.store.clone()).carry_out(&request).await;
        assert!(matches!(answer, EffectAnswer::Done(None)), "{answer:?}");
    }
}

/// Follows the stream.
async fn follow(world: &World, path: &str, token: &str, last: Option<&str>) -> BodyDataStream {
    let mut request = Request::get(path).header("authorization", format!("Bearer {token}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let answer = world.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.into_body().into_data_stream()
}

/// The next `count` events: the id of the stream, and that of the outcome event.
async fn read(stream: &mut BodyDataStream, count: usize) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let chunk = stream.next().await.unwrap().unwrap();
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().to_owned()
        };
        // Where the reader begins.
        if field("data:").is_empty() {
            assert!(!field("id:").is_empty(), "{text}");
            continue;
        }
        let data: serde_json::Value = serde_json::from_str(&field("data:")).unwrap();
        assert_eq!((field("event:").as_str(), &data["type"]), ("run.opened", &"run.opened".into()));
        seen.push((field("id:"), data["id"].as_str().unwrap().to_owned()));
    }
    seen
}

#[tokio::test]
async fn a_reader_goes_on_where_it_stopped_and_sees_each_event_once() {
    let world = World::new();
    let token = world.token(&[Scope::Read], &[]).await;
    for n in 1..=3 {
        happens(&world, n, "paging").await;
    }
    let mut stream = follow(&world, "/v1/stream?after=0", &token, None).await;
    let seen = read(&mut stream, 3).await;
    assert_eq!(seen.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>(), ["event-1", "event-2", "event-3"]);
    let mut resumed = follow(&world, "/v1/stream", &token, Some(&seen[1].0)).await;
    assert_eq!(read(&mut resumed, 1).await, [seen[2].clone()]);
    // A position that was never given: of a log that is lost.
    let mut anew = follow(&world, "/v1/stream", &token, Some("999999")).await;
    assert_eq!(read(&mut anew, 3).await, seen);
}

#[tokio::test]
async fn a_reader_sees_its_teams_events_alone_and_the_stream_ends_with_the_process() {
    let world = World::new();
    let token = world.token(&[Scope::Read], &["platform"]).await;
    happens(&world, 1, "of-others").await;
    happens(&world, 2, "paging").await;
    let mut stream = follow(&world, "/v1/stream?after=0", &token, None).await;
    assert_eq!(read(&mut stream, 1).await[0].1, "event-2");
    world.stop.cancel();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let world = World::new();
    let (revoked, expired) = (world.token(&[Scope::Read], &[]).await, world.token(&[Scope::Read], &[]).await);
    happens(&world, 1, "paging").await;
    let mut streams = [
        follow(&world, "/v1/stream?after=0", &revoked, None).await,
        follow(&world, "/v1/stream?after=0", &expired, None).await,
    ];
    for stream in &mut streams {
        assert_eq!(read(stream, 1).await[0].1, "event-1");
    }
    world.store.remove_token(Token::id_in(&revoked).unwrap()).await.unwrap();
    assert!(streams[0].next().await.is_none());
    world.clock.set(at(100));
    assert!(streams[1].next().await.is_none());
}
