//! On-call overrides. In: overrides. Out: a panic where the wrong person would be texted.
//!
//! Never: decides who is on call; `domain::directory` does.

use std::sync::Arc;

use domain::oncall::Override;
use ports::Store;

use crate::fixture::at;

fn entry(contact: &str, from: i64, until: i64) -> Override {
    Override {
        schedule: "platform".to_owned(),
        layer: "primary".to_owned(),
        contact: contact.to_owned(),
        from: at(from),
        until: at(until),
        by: "eve".to_owned(),
        why: "dentist".to_owned(),
        made_at: Some(at(0)),
    }
}

/// One that has not begun is returned, so that it can be listed.
pub async fn overrides_that_have_ended_are_not_returned(store: Arc<dyn Store>) {
    let (ended, current, future) = (entry("ada", 0, 10), entry("ben", 5, 20), entry("eve", 30, 40));
    for each in [&ended, &current, &future] {
        store.add_override(each).await.unwrap();
    }
    assert_eq!(store.overrides(at(9)).await.unwrap().len(), 3);
    assert_eq!(store.overrides(at(10)).await.unwrap(), [current, future]);
}

/// Of two that hold at once the later one counts, so order matters.
pub async fn overrides_come_in_the_order_they_were_added(store: Arc<dyn Store>) {
    let (first, second) = (entry("ada", 10, 100), entry("ben", 0, 50));
    store.add_override(&first).await.unwrap();
    store.add_override(&second).await.unwrap();
    assert_eq!(store.overrides(at(0)).await.unwrap(), [first.clone(), second.clone()]);
    // Added again, the first is the last word.
    store.add_override(&first).await.unwrap();
    assert_eq!(store.overrides(at(0)).await.unwrap(), [second, first]);
}

/// Who was on call stays known, and which override counted where two held.
pub async fn what_was_in_force_of_an_override_is_kept_in_its_place(store: Arc<dyn Store>) {
    let (first, second) = (entry("ada", 0, 100), entry("ben", 0, 100));
    for each in [&first, &second] {
        store.add_override(each).await.unwrap();
    }
    let cut = entry("ada", 0, 40);
    assert!(store.end_override(&first, Some(&cut)).await.unwrap());
    assert_eq!(store.overrides(at(10)).await.unwrap(), [cut, second.clone()]);
    assert_eq!(store.overrides(at(40)).await.unwrap(), [second], "it ended");
}

/// Of two that take it back one does.
pub async fn an_override_that_is_taken_back_is_gone(store: Arc<dyn Store>) {
    let (kept, gone) = (entry("ada", 0, 10), entry("ben", 0, 10));
    store.add_override(&kept).await.unwrap();
    store.add_override(&gone).await.unwrap();
    assert!(store.end_override(&gone, None).await.unwrap());
    assert!(!store.end_override(&gone, None).await.unwrap());
    assert_eq!(store.overrides(at(0)).await.unwrap(), [kept]);
}

/// A caller that heard nothing adds it again.
pub async fn adding_an_override_twice_adds_it_once(store: Arc<dyn Store>) {
    let once = entry("ada", 0, 10);
    store.add_override(&once).await.unwrap();
    store.add_override(&once).await.unwrap();
    assert_eq!(store.overrides(at(0)).await.unwrap(), [once]);
}
