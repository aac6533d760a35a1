//! Deliveries that are no work of ours.

use conformance::fixture::at;
use ports::store::DeadLetterFilter;
use runtime::DeadLetters;

use crate::harness::World;

#[tokio::test]
async fn the_same_bytes_are_one_dead_letter_however_often_they_come() {
    let world = World::new();
    let (store, bus, clock) = (world.store.clone(), world.bus.clone(), world.clock.clone());
    let letters = DeadLetters { store, bus, clock };
    for (body, seconds) in [("first", 0), ("second", 1), ("first", 2)] {
        world.clock.set(at(seconds));
        letters.add(body.as_bytes(), "unreadable", "no JSON").await.unwrap();
    }
    let stored = world.store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap();
    let stored: Vec<_> = stored.iter().map(|letter| (letter.event.as_deref().unwrap(), letter.at)).collect();
    assert_eq!(stored, [("first", at(0)), ("second", at(1))]);
}
