//! Rate limits. In: requests. Out: a panic where a slot is given out twice, or at another rate.
//!
//! Never: defines what a rate means; `domain::rate_limit` and its tests do.

use std::{sync::Arc, time::Duration};

use domain::rate_limit::{RateLimit, RateRequest, Reservation, acquire};
use futures::future::join_all;
use jiff::Timestamp;
use ports::Store;

use crate::fixture::at;

fn place(queue: &str, cost: u32) -> RateRequest {
    RateRequest { queue: queue.to_owned(), limit: RateLimit::new(10, Duration::from_secs(1), 3, 2), cost }
}

/// As the domain decides, until the queue is full, and again once it has moved.
pub async fn places_are_given_out_at_the_rate(store: Arc<dyn Store>) {
    let mut busy_until = Timestamp::MIN;
    for round in 0..3 {
        let now = at(10 * round);
        for cost in [1, 1, 2, 1, 3, 5, 5, 5, 1, 1] {
            let place = place("sender", cost);
            let (expected, next) = acquire(&place.limit, cost, busy_until, now);
            busy_until = next;
            assert_eq!(store.acquire(&place, now).await.unwrap(), expected);
        }
    }
}

/// Twenty at once go no faster than twenty one after the other. A call whose answer was lost may have taken a place.
pub async fn concurrent_places_do_not_overlap(store: Arc<dyn Store>) {
    let wanted =
        RateRequest { limit: RateLimit { horizon_s: 60, ..place("", 1).limit }, ..place("sender", 1) };
    let given = join_all((0..20).map(|_| store.acquire(&wanted, at(0)))).await;
    let mut slots: Vec<Timestamp> = given
        .into_iter()
        .map(|given| match given.unwrap() {
            Reservation::At(slot) => slot,
            Reservation::Full(again) => panic!("full until {again}"),
        })
        .collect();
    slots.sort();
    let mut busy_until = Timestamp::MIN;
    for slot in slots {
        let (expected, next) = acquire(&wanted.limit, 1, busy_until, at(0));
        busy_until = next;
        let Reservation::At(expected) = expected else { panic!("the horizon is far") };
        assert!(slot >= expected, "{slot} is before {expected}");
    }
}

/// Each has a rate limit of its own.
pub async fn one_queue_says_nothing_about_another(store: Arc<dyn Store>) {
    for _ in 0..5 {
        store.acquire(&place("busy", 5), at(0)).await.unwrap();
    }
    assert_eq!(store.acquire(&place("idle", 1), at(0)).await.unwrap(), Reservation::At(at(0)));
}
