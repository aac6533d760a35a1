//! Deliveries that are no work of ours.

use conformance::fixture::at;
use domain::broker_origin::BrokerOrigin;
use ports::store::{DeadLetterFilter, readable};
use runtime::{DeadLetters, Undeliverable};

use crate::harness::World;

#[tokio::test]
async fn the_same_bytes_are_one_dead_letter_however_often_they_come() {
    let world = World::new();
    let (store, bus, clock) = (world.store.clone(), world.bus.clone(), world.clock.clone());
    let letters = DeadLetters { store, bus, clock };
    for (body, seconds) in [("first", 0), ("second", 1), ("first", 2)] {
        world.clock.set(at(seconds));
        let refused = Undeliverable { body: body.as_bytes(), origin: None };
        letters.add(refused, "unreadable", "no JSON").await.unwrap();
    }
    let stored = readable(world.store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap()).0;
    let stored: Vec<_> = stored.iter().map(|letter| (letter.event.as_deref().unwrap(), letter.at)).collect();
    assert_eq!(stored, [("first", at(0)), ("second", at(1))]);
}

/// Else the forged copy of an event would hide the event itself, or be replayed in its name.
#[tokio::test]
async fn f1_the_same_bytes_of_two_broker_users_are_two_letters_and_each_names_its_user() {
    let world = World::new();
    let (store, bus, clock) = (world.store.clone(), world.bus.clone(), world.clock.clone());
    let letters = DeadLetters { store, bus, clock };
    let origin =
        |user: Option<&str>| BrokerOrigin { user: user.map(str::to_owned), ..BrokerOrigin::default() };
    let origins = [origin(Some("billing")), origin(Some("guest")), origin(None), origin(Some("billing"))];
    for origin in &origins {
        let refused = Undeliverable { body: b"same", origin: Some(origin) };
        letters.add(refused, "unreadable", "not trusted").await.unwrap();
    }
    let stored = readable(world.store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap()).0;
    let mut users: Vec<_> = stored.into_iter().map(|letter| letter.origin.unwrap().user).collect();
    users.sort();
    assert_eq!(users, [None, Some("billing".to_owned()), Some("guest".to_owned())]);
}
