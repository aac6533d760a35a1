//! One lock for each group that is asked. In: the key of a group. Out: its lock.
//!
//! Never: needed for what is stored to be right; the compare-and-set sees to that.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use domain::group::GroupKey;
use tokio::sync::Mutex as AsyncMutex;

/// Most groups whose locks are remembered before those that nobody holds are forgotten.
const LOCKS_MAX: usize = 1_024;

/// Lets the tasks of one process ask a group one after the other, so that they do not lose the race against each other.
/// That tasks of several processes lose none is left to the compare-and-set.
#[derive(Default)]
pub(super) struct GroupLocks(Mutex<HashMap<GroupKey, Weak<AsyncMutex<()>>>>);

impl GroupLocks {
    pub(super) fn of(&self, key: &GroupKey) -> Arc<AsyncMutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() >= LOCKS_MAX {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(AsyncMutex::new(()));
        locks.insert(key.clone(), Arc::downgrade(&lock));
        lock
    }
}
