//! The simulator's wall clock. In: nothing. Out: the time, and waits that really pass.
//!
//! Never: used by callout itself. The simulator stands in for a server elsewhere, which has a clock of its own.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the simulator is a server of its own, with its own clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Waits, unless there is nothing to wait for.
#[expect(clippy::disallowed_methods, reason = "the simulator is a server of its own, with its own clock")]
pub(crate) async fn sleep(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// The instant that it is, for measuring waits.
#[expect(clippy::disallowed_methods, reason = "the simulator is a server of its own, with its own clock")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Waits until an instant, unless it has passed.
#[expect(clippy::disallowed_methods, reason = "the simulator is a server of its own, with its own clock")]
pub(crate) async fn sleep_until(instant: Instant) {
    if instant > self::instant() {
        tokio::time::sleep_until(instant).await;
    }
}
