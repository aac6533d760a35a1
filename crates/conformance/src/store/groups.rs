//! Groups of texts. In: two writers of one group. Out: a panic where one replaces what it has not seen.

use std::sync::Arc;

use domain::{
    group::{Group, GroupKey, Joined, Joining},
    id::MessageId,
    phone::E164,
};
use ports::Store;

use crate::fixture::at;

fn key(value: &str) -> GroupKey {
    let number: E164 = "+14155550100".parse().unwrap();
    GroupKey::of_values("w", &[value.to_owned()], &number)
}

fn message(event: &str) -> MessageId {
    MessageId { run: domain::id::RunId::derive("test", event, "w", None), number: 1 }
}

/// A caller that heard nothing stores it again. One that saw an older version stores nothing.
pub async fn a_group_is_changed_by_who_saw_it_last(store: Arc<dyn Store>) {
    let (key, other) = (key("a"), key("b"));
    assert_eq!(store.group(&key).await.unwrap(), None);
    let mut group = Group::default();
    assert_eq!(group.join(&message("1"), Joining::Window(300), at(0)), Joined::First);
    let until = group.kept_until(at(0));
    for _ in 0..2 {
        assert!(store.keep_group(&key, &group, 0, until, at(0)).await.unwrap());
    }
    let (first, version) = (group.clone(), 1);
    let stored = store.group(&key).await.unwrap().unwrap();
    assert_eq!((&stored.value, stored.version), (&first, version));
    group.join(&message("2"), Joining::Window(300), at(1));
    assert!(store.keep_group(&key, &group, 1, until, at(1)).await.unwrap());
    let mut late = first;
    late.join(&message("3"), Joining::Window(300), at(1));
    assert!(!store.keep_group(&key, &late, 1, until, at(1)).await.unwrap(), "it was changed since");
    assert!(!store.keep_group(&key, &late, 0, until, at(1)).await.unwrap(), "it is there");
    let stored = store.group(&key).await.unwrap().unwrap();
    assert_eq!((stored.value, stored.version), (group, 2));
    assert_eq!(store.group(&other).await.unwrap(), None, "another group is not changed");
}

/// Of many that join at one moment each is remembered, and one is the first.
pub async fn all_that_join_a_group_at_once_are_in_it(store: Arc<dyn Store>) {
    let key = key("busy");
    let join = |event: usize| {
        let (store, key) = (store.clone(), key.clone());
        async move {
            loop {
                let stored = store.group(&key).await.unwrap();
                let version = stored.as_ref().map_or(0, |stored| stored.version);
                let mut group = stored.map_or_else(Group::default, |stored| stored.value);
                let joined = group.join(&message(&event.to_string()), Joining::Window(300), at(0));
                let until = group.kept_until(at(0));
                if store.keep_group(&key, &group, version, until, at(0)).await.unwrap() {
                    break joined;
                }
            }
        }
    };
    let joined = futures::future::join_all((0..8).map(join)).await;
    let first = joined.iter().filter(|joined| **joined == Joined::First).count();
    assert_eq!(first, 1, "{joined:?}");
    let group = store.group(&key).await.unwrap().unwrap().value;
    assert_eq!(group.candidates(&message("none"), None).len(), 7);
}
