//! Which queues are long. In: queues of commands. Out: whether wake-ups that can be left out should be.
//!
//! Never: asks the broker about one queue twice at once or within a second, or has more than one caller wait for its
//! answer: the others go by the answer before.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{limits::REPEATS_BEHIND_MAX, time::after_ms};
use jiff::{SignedDuration, Timestamp};
use ports::{BusError, Clock, Queue, within};

/// How long an answer of the broker holds, in milliseconds.
const KNOWN_MS: i64 = 1_000;
/// How long the broker is not asked again after it did not answer, in milliseconds: it may be that it never will, because
/// this process has no right to the queue.
const UNKNOWN_MS: i64 = 60_000;
/// How long an answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// RabbitMQ answers 0 for a queue that does not answer it in time. So soon after a length, that is no length.
const DOUBTED: SignedDuration = SignedDuration::from_secs(3);

/// What is known of the lengths of queues.
#[derive(Default)]
pub(super) struct LongQueues(Mutex<HashMap<Queue, Known>>);

#[derive(Clone, Copy)]
struct Known {
    is_long: bool,
    until: Timestamp,
    /// When its length was last above nothing.
    measured_at: Timestamp,
}

impl LongQueues {
    /// Whether as much waits in a queue as is worked on before what is left out now would be repeated. Where the broker does
    /// not say, it is not. `depth` asks it.
    pub(super) async fn has(
        &self,
        queue: Queue,
        clock: &dyn Clock,
        depth: impl Future<Output = Result<u64, BusError>>,
    ) -> bool {
        let now = clock.now();
        let before = {
            let mut queues = self.queues();
            let before = queues.get(&queue).copied();
            if let Some(known) = before.filter(|known| now < known.until) {
                return known.is_long;
            }
            let asking = before.unwrap_or(Known { is_long: false, until: now, measured_at: Timestamp::MIN });
            queues.insert(queue, Known { until: after_ms(now, UNKNOWN_MS), ..asking });
            asking
        };
        let answer = within(clock, ANSWER_MAX, depth).await.and_then(Result::ok);
        let now = clock.now();
        let until = after_ms(now, if answer.is_some() { KNOWN_MS } else { UNKNOWN_MS });
        let known = match answer {
            Some(0) if now.duration_since(before.measured_at) < DOUBTED => Known { until, ..before },
            Some(waiting) => Known { is_long: waiting >= REPEATS_BEHIND_MAX, until, measured_at: now },
            None => Known { is_long: false, until, ..before },
        };
        self.queues().insert(queue, known);
        known.is_long
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Queue, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin, sync::Arc};

    use conformance::{
        fixture::{at, at_ms},
        roles::ManualClock,
    };
    use futures::poll;

    use super::*;

    const LONG: u64 = REPEATS_BEHIND_MAX;

    async fn says(queues: &LongQueues, clock: &ManualClock, depth: u64) -> bool {
        queues.has(Queue::Escalation, clock, async { Ok(depth) }).await
    }

    async fn knows(queues: &LongQueues, clock: &ManualClock) -> bool {
        queues.has(Queue::Escalation, clock, async { unreachable!("it is known") }).await
    }

    #[tokio::test]
    async fn the_broker_is_asked_once_a_second() {
        let (queues, clock) = (LongQueues::default(), ManualClock::new(at(0)));
        assert!(says(&queues, &clock, LONG).await);
        clock.set(at_ms(999));
        assert!(knows(&queues, &clock).await);
        clock.set(at(1));
        assert!(!says(&queues, &clock, LONG - 1).await);
    }

    #[tokio::test]
    async fn one_waits_for_the_answer_and_the_others_go_by_the_one_before() {
        let (queues, clock) = (LongQueues::default(), Arc::new(ManualClock::new(at(0))));
        assert!(says(&queues, &clock, LONG).await);
        clock.set(at(1));
        let mut asking = pin!(queues.has(Queue::Escalation, &*clock, pending()));
        assert!(poll!(asking.as_mut()).is_pending());
        assert!(knows(&queues, &clock).await);
        clock.set(at(2));
        assert!(!asking.await, "no answer in a second is none");
        clock.set(at(61));
        assert!(!knows(&queues, &clock).await, "and it is not asked again for a minute");
        clock.set(at(62));
        assert!(says(&queues, &clock, LONG).await);
    }

    #[tokio::test]
    async fn a_broker_that_refuses_is_asked_again_after_a_minute() {
        let (queues, clock) = (LongQueues::default(), ManualClock::new(at(0)));
        let refused = async { Err(BusError::Unavailable("ACCESS_REFUSED".to_owned())) };
        assert!(!queues.has(Queue::Escalation, &clock, refused).await);
        clock.set(at(59));
        assert!(!knows(&queues, &clock).await);
        clock.set(at(60));
        assert!(says(&queues, &clock, LONG).await);
    }

    #[tokio::test]
    async fn nothing_so_soon_after_much_is_no_length() {
        let (queues, clock) = (LongQueues::default(), ManualClock::new(at(0)));
        assert!(says(&queues, &clock, LONG).await);
        clock.set(at(1));
        assert!(says(&queues, &clock, 0).await);
        clock.set(at(2));
        assert!(says(&queues, &clock, 0).await);
        clock.set(at(3));
        assert!(!says(&queues, &clock, 0).await);
    }
}
