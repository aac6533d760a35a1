//! Whether texts go out of the account. In: what senders saw, at once and one after the other. Out: what is told of it.

use std::sync::Arc;

use conformance::{
    fixture::{at, at_once},
    roles::paging,
};
use domain::{
    effect::{Effect, OutcomeKind},
    outbound::{Destinations, SendingSeen, SendingState, Subscription},
};

use crate::harness::World;

const STOPPED: SendingSeen = SendingSeen::Stopped(Some(20_005));

fn hook() -> Destinations {
    let events = [OutcomeKind::SendingStopped, OutcomeKind::SendingResumed].into();
    Destinations(vec![Subscription { name: "hook".into(), events, ..Subscription::default() }])
}

async fn told(world: &World) -> Vec<Effect> {
    world.store.take_effects("hook", at(600), at(10_000), 100).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_many_see_is_told_once() {
    let world = World::new();
    let runs = Arc::new(world.service(paging()).with_destinations(hook()));
    let all_see = async |seen| {
        let runs = runs.clone();
        at_once(8, move |_| {
            let runs = runs.clone();
            async move { runs.note_sending(seen).await.unwrap() }
        })
        .await;
    };
    all_see(SendingSeen::Going).await;
    assert_eq!(told(&world).await, [], "that is how it is from the beginning");
    all_see(STOPPED).await;
    let [stop] = &told(&world).await[..] else { panic!("one effect") };
    assert_eq!((stop.event.kind, stop.event.run.as_ref()), (OutcomeKind::SendingStopped, None));
    assert_eq!(stop.event.detail.as_deref(), Some("code 20005"));
    world.clock.set(at(60));
    runs.note_sending(STOPPED).await.unwrap();
    assert_eq!(told(&world).await, [], "the same stop");
    all_see(SendingSeen::Going).await;
    let [end] = &told(&world).await[..] else { panic!("one effect") };
    assert_eq!((end.event.kind, end.event.at), (OutcomeKind::SendingResumed, at(60)));
}

#[tokio::test]
async fn a_stop_that_was_noted_and_not_told_is_told_by_the_next_that_sees_it() {
    let world = World::new();
    let noted = SendingState { seen: STOPPED, since: at(5), is_announced: false };
    assert!(world.store.note_sending(None, &noted).await.unwrap());
    world.clock.set(at(60));
    world.service(paging()).with_destinations(hook()).note_sending(SendingSeen::Stopped(None)).await.unwrap();
    let [stop] = &told(&world).await[..] else { panic!("one effect") };
    assert_eq!((stop.event.id.clone(), stop.event.at), (noted.event().id, at(5)), "under its own id");
}
