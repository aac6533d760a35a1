//! Silences. In: silences at known times. Out: a panic where one that ended is shown, or one that holds is not.

use std::sync::Arc;

use domain::silence::{Silence, SilenceMatch};
use ports::Store;

use crate::fixture::at;

fn silence(subject: &str, until: i64) -> Silence {
    Silence {
        of: SilenceMatch { subject: Some(subject.to_owned()), ..SilenceMatch::default() },
        from: at(0),
        until: at(until),
        by: "ada".to_owned(),
        why: "maintenance".to_owned(),
        made_at: at(0),
    }
}

/// A caller that heard nothing adds it again.
pub async fn silences_are_shown_until_they_end(store: Arc<dyn Store>) {
    let (short, long) = (silence("db-*", 10), silence("web-*", 20));
    for each in [&short, &long, &short] {
        store.add_silence(each, at(0)).await.unwrap();
    }
    assert_eq!(store.silences(at(9)).await.unwrap().len(), 2);
    assert_eq!(store.silences(at(10)).await.unwrap(), std::slice::from_ref(&long));
    store.add_silence(&silence("x", 30), at(15)).await.unwrap();
    assert_eq!(store.silences(at(9)).await.unwrap().len(), 2, "what ended is forgotten");
    assert_eq!(store.silences(at(20)).await.unwrap(), [silence("x", 30)]);
}

/// Of two that end it one does.
pub async fn a_silence_that_is_removed_is_gone(store: Arc<dyn Store>) {
    let (kept, gone) = (silence("a", 10), silence("b", 10));
    store.add_silence(&kept, at(0)).await.unwrap();
    store.add_silence(&gone, at(0)).await.unwrap();
    assert!(store.remove_silence(&gone.id()).await.unwrap());
    assert!(!store.remove_silence(&gone.id()).await.unwrap());
    assert_eq!(store.silences(at(0)).await.unwrap(), [kept]);
}
