//! In-memory rate limiter. In: requests. Out: reserved slots.
//!
//! Never: stores anything. Its state is lost at restart, so one extra burst may pass.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::rate_limit::{RateRequest, Reservation, acquire};
use jiff::Timestamp;

/// Most queues that are kept; beyond that, those that are not busy any more are removed.
const REMEMBERED_MAX: usize = 10_000;

/// All rate limits of the process.
#[derive(Debug, Default)]
pub(crate) struct RateLimits(Mutex<HashMap<String, Timestamp>>);

impl RateLimits {
    pub(crate) fn acquire(&self, request: &RateRequest, now: Timestamp) -> Reservation {
        let mut busy_until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if busy_until.len() >= REMEMBERED_MAX {
            busy_until.retain(|_, until| *until > now);
        }
        let until = busy_until.get(&request.queue).copied().unwrap_or(Timestamp::MIN);
        let (reservation, next) = acquire(&request.limit, request.cost, until, now);
        busy_until.insert(request.queue.clone(), next);
        reservation
    }
}
