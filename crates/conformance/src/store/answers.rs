//! Answers that a repeated request gets again. In: answers. Out: a panic where one is forgotten early, or replaced.
//!
//! Never: makes a request.

use std::sync::Arc;

use ports::{GivenAnswer, Store};

use crate::fixture::at;

fn answer(body: &str) -> GivenAnswer {
    GivenAnswer {
        fingerprint: "POST /v1/runs/r/cancel".to_owned(),
        status: Some(200),
        etag: Some("\"7\"".to_owned()),
        body: body.to_owned(),
    }
}

/// With everything it says.
pub async fn an_answer_is_given_again_until_its_time_is_over(store: Arc<dyn Store>) {
    store.keep_answer("key", &answer("one"), at(0), at(10)).await.unwrap();
    assert_eq!(store.answer("key", at(9)).await.unwrap(), Some(answer("one")));
    assert_eq!(store.answer("key", at(10)).await.unwrap(), None);
    assert_eq!(store.answer("other key", at(0)).await.unwrap(), None);
}

/// Whoever comes second, or hears nothing and comes again, changes nothing before its time is over.
pub async fn the_first_answer_under_a_key_stays(store: Arc<dyn Store>) {
    assert!(store.keep_answer("key", &answer("one"), at(0), at(10)).await.unwrap());
    assert!(!store.keep_answer("key", &answer("two"), at(5), at(15)).await.unwrap());
    assert_eq!(store.answer("key", at(6)).await.unwrap(), Some(answer("one")));
    store.keep_answer("key", &answer("three"), at(10), at(20)).await.unwrap();
    assert_eq!(store.answer("key", at(19)).await.unwrap(), Some(answer("three")));
}

/// A request that was under way has its answer.
pub async fn an_answer_takes_the_place_of_another(store: Arc<dyn Store>) {
    let under_way = GivenAnswer { status: None, ..answer("") };
    store.keep_answer("key", &under_way, at(0), at(10)).await.unwrap();
    assert_eq!(store.answer("key", at(1)).await.unwrap(), Some(under_way));
    store.replace_answer("key", &answer("one"), at(20)).await.unwrap();
    assert_eq!(store.answer("key", at(19)).await.unwrap(), Some(answer("one")));
    assert_eq!(store.answer("key", at(20)).await.unwrap(), None);
}
