//! A mutex whose data stays usable after a panic elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a lock guards stays valid at every step, so a thread that panicked with it did no harm.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
