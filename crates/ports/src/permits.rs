//! A bound on what is in hand at once that can be moved while it is kept.
//!
//! In: how many there may be. Out: permits, in the order they were asked for, given back when dropped.
//! Never: takes a permit away from its holder; a lower bound waits until enough came back.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// A semaphore that can be resized.
#[derive(Debug)]
pub struct Permits {
    free: Arc<Semaphore>,
    size: Mutex<u16>,
}

impl Permits {
    /// So many permits.
    pub fn new(size: u16) -> Self {
        Self { free: Arc::new(Semaphore::new(usize::from(size))), size: Mutex::new(size) }
    }

    /// A permit, once one is free. `None` never comes: nothing here is closed.
    pub async fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().acquire_owned().await.ok()
    }

    /// Moves the bound. Returns when no more than `size` are taken; those who ask meanwhile wait behind it.
    pub async fn resize(&self, size: u16) {
        let mut now = self.size.lock().await;
        if size >= *now {
            self.free.add_permits(usize::from(size - *now));
        } else if let Ok(surplus) = self.free.acquire_many(u32::from(*now - size)).await {
            surplus.forget();
        }
        *now = size;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// Takes permits until one would have to be waited for.
    fn fill(permits: &Permits) -> Vec<OwnedSemaphorePermit> {
        std::iter::from_fn(|| permits.take().now_or_never().flatten()).collect()
    }

    #[test]
    fn a_lower_bound_waits_for_what_is_in_hand_and_a_higher_one_is_there_at_once() {
        let permits = Permits::new(5);
        let mut held = fill(&permits);
        assert_eq!(held.len(), 5);
        let mut lower = Box::pin(permits.resize(2));
        assert!(lower.as_mut().now_or_never().is_none());
        held.truncate(3);
        assert!(permits.take().now_or_never().is_none(), "what comes back goes to the lower bound first");
        held.truncate(2);
        assert!(lower.now_or_never().is_some());
        assert!(permits.take().now_or_never().is_none());
        permits.resize(4).now_or_never().unwrap();
        assert_eq!(fill(&permits).len(), 2);
    }
}
