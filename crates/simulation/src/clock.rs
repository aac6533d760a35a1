//! A clock that moves when nothing else can. In: the paused clock of the runtime. Out: moments, and waits that cost
//! nothing. Never: reads the machine's clock.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, left_of_wait, time_until};
use tokio::{sync::Notify, time::Instant};

/// Simulated time, from a fixed moment on.
#[derive(Debug)]
pub struct SimClock {
    began: Timestamp,
    started: Instant,
    /// By how many milliseconds it was set.
    set_by_ms: AtomicI64,
    was_set: Notify,
}

impl SimClock {
    /// A clock that begins now. The runtime's own must be paused.
    #[expect(clippy::disallowed_methods, reason = "the runtime's paused clock is the simulated time")]
    pub fn start() -> Self {
        Self {
            began: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000),
            started: Instant::now(),
            set_by_ms: AtomicI64::new(0),
            was_set: Notify::new(),
        }
    }

    /// Sets it forward or back, as an operator or a time server does.
    pub(crate) fn set_by(&self, jump: SignedDuration) {
        let ms = i64::try_from(jump.as_millis()).unwrap_or_default();
        self.set_by_ms.fetch_add(ms, Ordering::Relaxed);
        self.was_set.notify_waiters();
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
        self.began + SignedDuration::from_millis(ms + self.set_by_ms.load(Ordering::Relaxed))
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime's paused clock is the simulated time")]
    async fn sleep_until(&self, at: Timestamp) {
        let mut left = time_until(at, self.now());
        while !left.is_zero() {
            let slept_from = self.elapsed();
            tokio::select! {
                biased;
                () = self.was_set.notified() => {}
                () = tokio::time::sleep(left) => {}
            }
            let slept = self.elapsed().saturating_sub(slept_from);
            left = left_of_wait(left.saturating_sub(slept), time_until(at, self.now()));
        }
    }
}
