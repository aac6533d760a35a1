//! The time, and waiting for it.

use std::time::Duration;

use async_trait::async_trait;
use domain::time::after;
use jiff::{SignedDuration, Timestamp};

/// The only way to learn the time or to wait. The simulation replaces it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present, rounded down to the millisecond, so that what is stored reads back equal.
    fn now(&self) -> Timestamp;

    /// Returns once `now() >= at`; at once if that is so already. A clock that is set forward ends the wait within
    /// [`CLOCK_LOOK_EVERY`]; one that is set back does not prolong it, so who waits for a stored time looks again.
    async fn sleep_until(&self, at: Timestamp);
}

/// How often a long wait looks whether the clock was set.
pub const CLOCK_LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is left of a wait by the clock, or zero.
pub fn time_until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

/// What is left of a wait: the time that the clock shows, but no more than is `expected` where it was set back.
pub fn left_of_wait(expected: Duration, shown: Duration) -> Duration {
    if shown > expected + CLOCK_LOOK_EVERY { expected } else { shown }
}

/// What a future returns, or `None` if it takes longer than `limit`.
pub async fn within<T>(clock: &dyn Clock, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let end = after(clock.now(), SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX));
    tokio::select! {
        biased;
        value = future => Some(value),
        () = clock.sleep_until(end) => None,
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one adapter that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    #[expect(clippy::disallowed_methods, reason = "the one adapter that sleeps")]
    async fn sleep_until(&self, at: Timestamp) {
        let mut left = time_until(at, self.now());
        while !left.is_zero() {
            let slept = left.min(CLOCK_LOOK_EVERY);
            tokio::time::sleep(slept).await;
            left = left_of_wait(left - slept, time_until(at, self.now()));
        }
    }
}
