//! Events that are sent with a token: which are taken, and from whom.

use std::collections::BTreeSet;

use conformance::{fixture::at, roles::event};
use control::Principal;
use domain::{
    acceptance::{Accepted, NotAccepted},
    event::Event,
    token::{Scope, Token, TokenRequest},
    workflow::Lane,
};
use ports::Queue;

use crate::harness::World;

/// Who bears a token that may send these types.
fn raising(types: &[&str], teams: &[&str]) -> Principal {
    let names = |list: &[&str]| -> BTreeSet<String> { list.iter().map(|name| (*name).to_owned()).collect() };
    let request = TokenRequest {
        is_agent: false,
        label: "ci".to_owned(),
        scopes: [Scope::Read].into(),
        raises: names(types),
        teams: names(teams),
        expires_at: None,
    };
    Principal::with_token(&Token::mint(request, "ada", &[1; 32], at(0)).unwrap().0)
}

/// The `n`th event, as the token `ci` sends it.
fn own(n: u32) -> Event {
    let mut event = event(n);
    event.key.source = "/callout/tokens/ci".to_owned();
    event
}

async fn depth(world: &World) -> u64 {
    world.bus.depth(Queue::Events(Lane::Standard)).await.unwrap()
}

fn forbidden(outcome: Result<Accepted, NotAccepted>) -> String {
    let Err(NotAccepted::Forbidden(reason)) = outcome else { panic!("{outcome:?}") };
    reason
}

#[tokio::test]
async fn an_event_is_taken_once_and_other_content_under_its_id_is_refused() {
    let world = World::new();
    let ci = raising(&["incident.*"], &[]);
    let taken = world.control.raise(&ci, &[own(1), own(2)], true).await.unwrap();
    assert_eq!((taken.fresh, taken.known, taken.runs.len()), (2, 0, 2));
    assert_eq!(depth(&world).await, 2);
    let other = Event { subject: Some("another".to_owned()), ..own(1) };
    let conflict = world.control.raise(&ci, &[other], false).await;
    assert_eq!(conflict, Err(NotAccepted::Conflict { pointer: "/id".to_owned() }));
    assert_eq!(depth(&world).await, 2);
}

#[tokio::test]
async fn a_token_speaks_for_itself_alone_and_sends_what_it_may() {
    let world = World::new();
    let raise = async |principal: &Principal, event: Event| {
        forbidden(world.control.raise(principal, &[own(7), event], true).await)
    };
    let ci = raising(&["incident.*"], &[]);
    let reason = raise(&ci, event(1)).await;
    assert_eq!(reason, "this key may not send for source \"monitoring\", but for \"/callout/tokens/ci\"");
    let mut another = own(1);
    another.key.source = "/callout/tokens/dashboard".to_owned();
    assert!(raise(&ci, another).await.contains("/callout/tokens/dashboard"));
    let billing = Event { kind: "invoice.overdue".to_owned(), ..own(1) };
    assert!(raise(&ci, billing).await.ends_with("it may send incident.*"));
    assert_eq!(raise(&raising(&[], &[]), own(1)).await, "ci lacks a scope raise:TYPE");
    // Who has the machine sends with a source's key.
    assert!(raise(&Principal::operator("ada"), own(1)).await.contains("ada lacks"));
    assert_eq!(depth(&world).await, 0, "all of a batch or none");
}

#[tokio::test]
async fn a_token_of_a_team_reaches_the_workflows_of_its_team_alone() {
    let world = World::new();
    let payments = raising(&["*"], &["payments"]);
    let reason = forbidden(world.control.raise(&payments, &[own(1)], false).await);
    assert!(reason.contains("reach workflows that are not theirs"), "{reason}");
    world.give_to("platform").await;
    forbidden(world.control.raise(&payments, &[own(1)], false).await);
    world.give_to("payments").await;
    assert_eq!(world.control.raise(&payments, &[own(1)], false).await.unwrap().fresh, 1);
}
