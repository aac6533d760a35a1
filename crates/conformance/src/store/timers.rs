//! Timer slots: a slot has a timer from its first due row on, until a take of due rows passes it.
//!
//! In: due rows in chosen slots. Out: a panic where one would wait without a timer, or ask for a second one.
//! Never: starts a timer; the bus does.

use std::sync::Arc;

use jiff::Timestamp;
use ports::{Change, Changed, Opened, Store, TimerSlot};

use crate::fixture::{Opening, at, at_ms, change, load, open};

/// Runs that share a subject share a shard.
fn due(case: &'static str, n: u32, due: Timestamp) -> Change {
    Opening::new(case, n).subject("one-shard").due(due)
}

async fn timer(store: &dyn Store, change: &Change) -> Option<TimerSlot> {
    match open(store, change).await {
        Opened::New { timer } => timer,
        other => panic!("{other:?}"),
    }
}

async fn timer_of_change(store: &dyn Store, change: Change) -> Option<TimerSlot> {
    let version = load(store, &change.run).await.version;
    match store.change_run(change, version).await.unwrap() {
        Changed::Stored { timer } => timer,
        Changed::Conflict => panic!("no other process changes it"),
    }
}

/// A thousand deadlines in half a second need one timer. A time within a slot belongs to its end.
pub async fn the_first_due_row_of_a_slot_asks_for_a_timer(store: Arc<dyn Store>) {
    let first = due("first_of_slot", 1, at_ms(9_501));
    assert_eq!(timer(&*store, &first).await, Some(TimerSlot::of(first.run.id(), at(10))));
    assert_eq!(timer(&*store, &due("first_of_slot", 2, at_ms(9_999))).await, None);
    assert_eq!(timer(&*store, &due("first_of_slot", 3, at(10))).await, None);
}

/// A slot is half a second of a shard.
pub async fn another_half_second_or_shard_asks_for_its_own(store: Arc<dyn Store>) {
    let case = "own_slot";
    let first = due(case, 1, at(10));
    assert!(timer(&*store, &first).await.is_some());
    let next_slot = due(case, 2, at_ms(10_001));
    assert_eq!(timer(&*store, &next_slot).await, Some(TimerSlot::of(first.run.id(), at_ms(10_500))));
    let other_shard = (3..)
        .map(|n| Opening::new(case, n).due(at(10)))
        .find(|change| change.run.id().shard() != first.run.id().shard())
        .expect("64 shards");
    assert_eq!(timer(&*store, &other_shard).await, Some(TimerSlot::of(other_shard.run.id(), at(10))));
}

/// Its timer has fired, so the next row in it needs another. Slots after the take keep theirs.
pub async fn a_slot_asks_again_after_a_take_has_passed_it(store: Arc<dyn Store>) {
    let case = "asks_again";
    assert!(timer(&*store, &due(case, 1, at(10))).await.is_some());
    assert!(timer(&*store, &due(case, 2, at(11))).await.is_some());
    store.take_due(None, at(10), at(25), 10).await.unwrap();
    assert!(timer(&*store, &due(case, 3, at(10))).await.is_some());
    assert_eq!(timer(&*store, &due(case, 4, at(11))).await, None);
    store.take_due(None, at_ms(10_999), at(25), 10).await.unwrap();
    assert_eq!(timer(&*store, &due(case, 5, at(11))).await, None, "it has not fired yet");
}

/// A deadline that moves gets a timer too.
pub async fn a_due_row_that_moves_asks_for_the_timer_of_its_new_slot(store: Arc<dyn Store>) {
    let first = due("moves", 1, at(10));
    assert!(timer(&*store, &first).await.is_some());
    let mut moved = change(&first.run, at(1), |_, _| {});
    moved.due = Some(at(20));
    assert_eq!(timer_of_change(&*store, moved.clone()).await, Some(TimerSlot::of(first.run.id(), at(20))));
    assert_eq!(timer_of_change(&*store, moved).await, None, "the slot has one");
}

/// The sweep finds it, and the next row of the slot that needs a timer still asks for one.
pub async fn a_due_row_that_needs_no_timer_asks_for_none(store: Arc<dyn Store>) {
    let first = Change { needs_timer: false, ..due("in_vain", 1, at(10)) };
    assert_eq!(timer(&*store, &first).await, None);
    let next = Change { needs_timer: false, ..change(&first.run, at(1), |_, _| {}) };
    assert_eq!(timer_of_change(&*store, next).await, None);
    assert_eq!(
        store.take_due(None, at(1_000), at(1_015), 10).await.unwrap(),
        std::slice::from_ref(first.run.id())
    );
    let silent = Change { needs_timer: false, ..due("in_vain", 2, at(2_000)) };
    assert_eq!(timer(&*store, &silent).await, None);
    assert!(timer(&*store, &due("in_vain", 3, at(2_000))).await.is_some());
}

/// Without a due time there is no timer.
pub async fn a_run_without_a_due_time_asks_for_none(store: Arc<dyn Store>) {
    let first = Change { due: None, ..due("no_due_time", 1, at(10)) };
    assert_eq!(timer(&*store, &first).await, None);
    let next = Change { due: None, ..change(&first.run, at(1), |_, _| {}) };
    assert_eq!(timer_of_change(&*store, next).await, None);
}
