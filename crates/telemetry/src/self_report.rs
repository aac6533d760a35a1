//! What this process says of itself in its heartbeat. In: transitions of circuit breakers, requests. Out: names, a count.
//!
//! Never: opens or closes a breaker.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

static OPEN_BREAKERS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static SUBMITTED: AtomicU64 = AtomicU64::new(0);

/// A circuit breaker opened, or closed again. Named are `twilio`, and destinations by their names.
pub fn note_breaker(name: &str, is_open: bool) {
    let mut open = OPEN_BREAKERS.lock().unwrap_or_else(PoisonError::into_inner);
    if is_open {
        open.insert(name.to_owned());
    } else {
        open.remove(name);
    }
}

/// The names of those that are open.
pub fn open_breakers() -> Vec<String> {
    OPEN_BREAKERS.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

pub(crate) fn note_submitted() {
    SUBMITTED.fetch_add(1, Ordering::Relaxed);
}

/// Requests to send a text that were answered, or given up, since the process started.
pub fn submitted() -> u64 {
    SUBMITTED.load(Ordering::Relaxed)
}
