//! Whether texts go out. In: notes of several senders. Out: a panic where two of them would tell of one stop.
//!
//! Never: decides what is told; `domain::outbound` does.

use std::sync::Arc;

use domain::outbound::{SendingSeen, SendingState};
use ports::Store;

use crate::fixture::{at, at_once};

fn note(seen: SendingSeen, second: i64) -> SendingState {
    SendingState { seen, since: at(second), is_announced: false }
}

/// Of those who saw it at once, too.
pub async fn one_of_many_notes_a_stop(store: Arc<dyn Store>) {
    assert_eq!(store.sending().await.unwrap(), None);
    let noted = at_once(8, |n| {
        let store = store.clone();
        let new = note(SendingSeen::Stopped(Some(20_003)), i64::from(n));
        async move { store.note_sending(None, &new).await.unwrap().then_some(new) }
    })
    .await;
    let winners: Vec<SendingState> = noted.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(store.sending().await.unwrap().as_ref(), winners.first());
}

/// A caller that heard nothing notes it again.
pub async fn a_note_replaces_the_one_that_it_follows_and_no_other(store: Arc<dyn Store>) {
    let stopped = note(SendingSeen::Stopped(None), 1);
    let told = SendingState { is_announced: true, ..stopped.clone() };
    let going = note(SendingSeen::Going, 2);
    assert!(store.note_sending(None, &stopped).await.unwrap());
    assert!(!store.note_sending(Some(&told), &going).await.unwrap(), "that is not noted");
    assert!(store.note_sending(Some(&stopped), &told).await.unwrap());
    assert!(store.note_sending(Some(&stopped), &told).await.unwrap(), "it is noted now");
    assert!(!store.note_sending(None, &stopped).await.unwrap());
    assert!(store.note_sending(Some(&told), &going).await.unwrap());
    assert_eq!(store.sending().await.unwrap(), Some(going));
}
