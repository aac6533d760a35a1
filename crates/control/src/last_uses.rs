//! When tokens were used last. In: uses. Out: the last one of each, as far as this process knows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

/// When tokens were used last, as far as this process knows.
#[derive(Debug, Clone, Default)]
pub struct LastUses(Arc<Mutex<BTreeMap<String, Timestamp>>>);

/// Tokens whose last use a process remembers.
const LAST_USES_MAX: usize = 1_000;

impl LastUses {
    pub(crate) fn note(&self, token: &str, now: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < LAST_USES_MAX || uses.contains_key(token) {
            uses.insert(token.to_owned(), now);
        }
    }

    pub(crate) fn of(&self, token: &str) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
    }
}
