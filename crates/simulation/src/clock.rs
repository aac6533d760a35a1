//! A clock that moves when nothing else can. In: the paused clock of the runtime. Out: moments, and waits that cost
//! nothing. Never: reads the machine's clock.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use ports::Clock;
use tokio::time::Instant;

/// Simulated time, from a fixed moment on.
#[derive(Debug)]
pub struct SimClock {
    began: Timestamp,
    started: Instant,
}

impl SimClock {
    /// A clock that begins now. The runtime's own must be paused.
    #[expect(clippy::disallowed_methods, reason = "the runtime's paused clock is the simulated time")]
    pub fn start() -> Self {
        Self {
            began: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000),
            started: Instant::now(),
        }
    }

    /// How long it has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.began + SignedDuration::from_millis(ms)
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's paused clock is the simulated time")]
    async fn sleep_until(&self, at: Timestamp) {
        while let Ok(left) = Duration::try_from(at.duration_since(self.now()))
            && !left.is_zero()
        {
            tokio::time::sleep_until(Instant::now() + left).await;
        }
    }
}
