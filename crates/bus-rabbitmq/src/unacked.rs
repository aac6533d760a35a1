//! Counts the unacknowledged deliveries of this process by queue. In: deliveries. Out: counts.
//!
//! Never: counts those of other processes: AMQP cannot tell.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ports::Queue;

/// Counts of this process.
#[derive(Debug, Default, Clone)]
pub(crate) struct Unacked(Arc<[AtomicU64; Queue::ALL.len()]>);

/// One delivery, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    counts: Unacked,
    index: usize,
}

impl Unacked {
    /// Counts one more.
    pub(crate) fn count(&self, queue: Queue) -> Counted {
        let index = index(queue);
        self.0[index].fetch_add(1, Ordering::Relaxed);
        Counted { counts: self.clone(), index }
    }

    /// The count of a queue.
    pub(crate) fn of(&self, queue: Queue) -> u64 {
        self.0[index(queue)].load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.0[self.index].fetch_sub(1, Ordering::Relaxed);
    }
}

fn index(queue: Queue) -> usize {
    Queue::ALL.iter().position(|other| *other == queue).unwrap_or_default()
}
