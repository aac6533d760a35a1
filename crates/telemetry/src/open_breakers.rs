//! Whom this process does not call for now. In: transitions of circuit breakers. Out: names, for its heartbeat.
//!
//! Never: opens or closes one.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

static OPEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A circuit breaker opened, or closed again. Named are `twilio`, and destinations by their names.
pub fn note_breaker(name: &str, is_open: bool) {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if is_open {
        open.insert(name.to_owned());
    } else {
        open.remove(name);
    }
}

/// The names of those that are open.
pub fn open_breakers() -> Vec<String> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}
