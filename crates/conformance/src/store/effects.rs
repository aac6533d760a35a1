//! Effects. In: effects with and without a run. Out: a panic where one is lost, or carried out by two at once.
//!
//! Never: carries one out.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    effect::{Act, Effect, OutcomeKind},
    outbound::{Destinations, Subscription},
};
use ports::{
    Change, EffectEnd, Store,
    store::{DeadLetterFilter, EffectCounts},
};

use crate::fixture::{Opening, at, at_once, letter, open_new};

const NEAR: &str = "near";
const FAR: &str = "far";

/// A change that opens a run, with an effect for each of two destinations.
pub(super) fn opening(case: &'static str, n: u32) -> Change {
    let mut change = Opening::new(case, n).change();
    let subscription = |name: &str| Subscription {
        name: name.to_owned(),
        events: [OutcomeKind::RunOpened].into(),
        ..Subscription::default()
    };
    let destinations = Destinations(vec![subscription(NEAR), subscription(FAR)]);
    change.effects.outbound = destinations.effects(&change.run, &change.effects);
    assert_eq!(change.effects.outbound.len(), 2, "the fixture makes two effects");
    change
}

async fn take(store: &dyn Store, destination: &str, now: i64, max: u16) -> Vec<Effect> {
    store.take_effects(destination, at(now), at(now + 60), max).await.unwrap()
}

async fn counts(store: &dyn Store) -> EffectCounts {
    let counts = store.audit_counts().await.unwrap().effects;
    assert!(counts.balances(), "{counts:?}");
    counts
}

/// With everything they say; and a change that comes too late adds none.
pub async fn effects_of_a_change_are_stored_with_it(store: Arc<dyn Store>) {
    let change = opening("with_change", 1);
    open_new(&*store, &change).await;
    let expected = change.effects.outbound.iter().find(|effect| effect.destination == NEAR).unwrap();
    assert_eq!(take(&*store, NEAR, 0, 10).await, [Effect { epoch: 1, ..expected.clone() }]);
    assert_eq!(counts(&*store).await, EffectCounts { due: 2, waiting: 2, ..EffectCounts::default() });
    let mut late = opening("with_change", 1);
    late.effects.outbound[0].id.push('x');
    store.change_run(late, 7).await.unwrap();
    assert_eq!(counts(&*store).await.due, 2);
}

/// Also those that somebody has taken, and none of another run or destination.
pub async fn the_effects_of_a_run_are_found_while_they_wait(store: Arc<dyn Store>) {
    let changes = [1, 2].map(|n| opening("of_run", n));
    for change in &changes {
        open_new(&*store, change).await;
    }
    let run = changes[0].run.id();
    let of_run = |destination: &'static str| {
        let store = store.clone();
        async move { store.effects_of_run(run, destination).await.unwrap() }
    };
    let expected = changes[0].effects.outbound.iter().find(|effect| effect.destination == NEAR).unwrap();
    assert_eq!(of_run(NEAR).await, std::slice::from_ref(expected));
    let taken = take(&*store, NEAR, 0, 10).await;
    assert_eq!(of_run(NEAR).await.len(), 1, "somebody is at it");
    for effect in &taken {
        store.end_effect(effect, EffectEnd::Delivered).await.unwrap();
    }
    assert_eq!(of_run(NEAR).await, []);
    assert_eq!(of_run(FAR).await.len(), 1);
    assert_eq!(of_run("nowhere").await, []);
}

/// Takers at one moment share what is due.
pub async fn an_effect_is_taken_by_one_taker_until_its_time_is_up(store: Arc<dyn Store>) {
    for n in 1..=8 {
        open_new(&*store, &opening("one_taker", n)).await;
    }
    let taken = at_once(4, |_| {
        let store = store.clone();
        async move { take(&*store, NEAR, 0, 100).await }
    })
    .await;
    let taken: Vec<Effect> = taken.into_iter().flatten().collect();
    let ids: BTreeSet<&str> = taken.iter().map(|effect| effect.id.as_str()).collect();
    assert_eq!((taken.len(), ids.len()), (8, 8));
    assert_eq!(take(&*store, NEAR, 59, 100).await, []);
    let mut again = take(&*store, NEAR, 60, 3).await;
    again.extend(take(&*store, NEAR, 60, 100).await);
    assert_eq!(again.len(), 8);
    assert!(again.iter().all(|effect| effect.epoch == 2), "each taking has an epoch of its own");
}

/// One that is slow holds no other up.
pub async fn effects_of_one_destination_are_taken_without_the_others(store: Arc<dyn Store>) {
    open_new(&*store, &opening("one_destination", 1)).await;
    assert_eq!(take(&*store, NEAR, 0, 10).await.len(), 1);
    assert_eq!(take(&*store, "nowhere", 0, 10).await, []);
    let far = take(&*store, FAR, 0, 10).await;
    assert_eq!(far.iter().map(|effect| effect.destination.as_str()).collect::<Vec<_>>(), [FAR]);
}

/// A worker that was paused past its time.
pub async fn what_was_taken_again_is_not_changed_by_the_former_taker(store: Arc<dyn Store>) {
    open_new(&*store, &opening("former_taker", 1)).await;
    let [first] = &take(&*store, NEAR, 0, 10).await[..] else { panic!("one effect") };
    let [second] = &take(&*store, NEAR, 60, 10).await[..] else { panic!("one effect") };
    store.postpone_effect(&Effect { attempts: 9, ..first.clone() }, at(61)).await.unwrap();
    store.end_effect(first, EffectEnd::Delivered).await.unwrap();
    assert_eq!(take(&*store, NEAR, 61, 10).await, [], "the second taker has it");
    let later = Effect { attempts: 1, is_in_doubt: true, ..second.clone() };
    store.postpone_effect(&later, at(62)).await.unwrap();
    assert_eq!(take(&*store, NEAR, 61, 10).await, []);
    assert_eq!(take(&*store, NEAR, 62, 10).await, [Effect { epoch: 3, ..later }]);
}

/// Also when its caller asks twice.
pub async fn an_effect_ends_once_and_is_counted_once(store: Arc<dyn Store>) {
    open_new(&*store, &opening("ends_once", 1)).await;
    let [effect] = &take(&*store, NEAR, 0, 10).await[..] else { panic!("one effect") };
    for _ in 0..2 {
        store.end_effect(effect, EffectEnd::Delivered).await.unwrap();
    }
    assert_eq!(counts(&*store).await, EffectCounts { due: 2, delivered: 1, waiting: 1, dead: 0 });
    assert_eq!(take(&*store, NEAR, 1_000, 10).await, []);
}

/// It is found under its id, and may be added again.
pub async fn a_dead_effect_becomes_a_letter(store: Arc<dyn Store>) {
    let case = "dead_effect";
    open_new(&*store, &opening(case, 1)).await;
    let [effect] = &take(&*store, NEAR, 0, 10).await[..] else { panic!("one effect") };
    let mut dead = letter(case, 1, 5);
    dead.id.clone_from(&effect.id);
    for _ in 0..2 {
        store.end_effect(effect, EffectEnd::Dead(Box::new(dead.clone()))).await.unwrap();
    }
    assert_eq!(store.dead_letter(&effect.id).await.unwrap(), Some(dead.clone()));
    assert_eq!(store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap(), [Ok(dead)]);
    assert_eq!(counts(&*store).await, EffectCounts { due: 2, delivered: 0, waiting: 1, dead: 1 });
    store.add_effect(effect).await.unwrap();
    assert!(store.remove_dead_letter(&effect.id).await.unwrap());
    assert_eq!(take(&*store, NEAR, 100, 10).await.len(), 1);
    assert_eq!(counts(&*store).await, EffectCounts { due: 3, delivered: 0, waiting: 2, dead: 1 });
}

/// While it waits.
pub async fn an_effect_without_a_run_is_added_once(store: Arc<dyn Store>) {
    let mut effect = opening("without_run", 1).effects.outbound.remove(0);
    effect.event.run = None;
    effect.id = "x-4711".to_owned();
    for _ in 0..2 {
        store.add_effect(&effect).await.unwrap();
    }
    let taken = take(&*store, &effect.destination, 0, 10).await;
    assert_eq!(taken, [Effect { epoch: 1, ..effect.clone() }]);
    assert_eq!((counts(&*store).await.due, taken[0].act), (1, Act::Notify));
}
