//! Which queues are long. In: queues of commands. Out: whether repeated wake-ups should stay out of one.
//!
//! Never: asks the broker about one more often than once a second.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{limits::REPEATS_BEHIND_MAX, time::after_ms};
use jiff::Timestamp;
use ports::{Bus, Queue};

/// How long an answer of the broker holds, in milliseconds.
const KNOWN_MS: i64 = 1_000;

/// What is known of the lengths of queues.
#[derive(Default)]
pub(super) struct LongQueues(Mutex<HashMap<Queue, Known>>);

struct Known {
    is_long: bool,
    until: Timestamp,
}

impl LongQueues {
    /// Whether as much waits in a queue as is worked on before a repeated wake-up would be. Where the broker does not say,
    /// it is not.
    pub(super) async fn has(&self, bus: &dyn Bus, queue: Queue, now: Timestamp) -> bool {
        let known = |queues: &HashMap<Queue, Known>| {
            queues.get(&queue).filter(|known| now < known.until).map(|known| known.is_long)
        };
        if let Some(is_long) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return is_long;
        }
        let is_long = bus.depth(queue).await.is_ok_and(|waiting| waiting >= REPEATS_BEHIND_MAX);
        let known = Known { is_long, until: after_ms(now, KNOWN_MS) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(queue, known);
        is_long
    }
}
