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

    /// Returns once `now() >= at`; at once if that is so already.
    async fn sleep_until(&self, at: Timestamp);
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
        // The wall clock may be set while we sleep, so the wait is checked when it ends.
        while let Ok(left) = Duration::try_from(at.duration_since(self.now()))
            && !left.is_zero()
        {
            tokio::time::sleep(left).await;
        }
    }
}
