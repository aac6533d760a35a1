//! Until when paced queues are busy. In: who wants in. Out: slots.
//!
//! Never: writes anything down: after a restart a queue is taken for rested, which lets one burst more through.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::rate_limit::{RateRequest, Reservation, acquire};
use jiff::Timestamp;

/// Most queues that are kept; beyond that, those that are not busy any more are removed.
const REMEMBERED_MAX: usize = 10_000;

/// All paced queues of the process.
#[derive(Debug, Default)]
pub(crate) struct RateLimits(Mutex<HashMap<String, Timestamp>>);

impl RateLimits {
    pub(crate) fn acquire(&self, place: &RateRequest, now: Timestamp) -> Reservation {
        let mut busy_until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if busy_until.len() >= REMEMBERED_MAX {
            busy_until.retain(|_, until| *until > now);
        }
        let until = busy_until.get(&place.queue).copied().unwrap_or(Timestamp::MIN);
        let (reservation, next) = acquire(&place.limit, place.cost, until, now);
        busy_until.insert(place.queue.clone(), next);
        reservation
    }
}
