//! Waiting, as the machine's clock has it.

use std::time::Duration;

use jiff::SignedDuration;
use ports::{Clock as _, SystemClock};

/// Lets other processes work for a moment.
pub(crate) async fn pause(time: Duration) {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::from_secs(1));
    SystemClock.sleep_until(SystemClock.now() + time).await;
}
