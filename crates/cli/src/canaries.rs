//! Sends canaries at their times. In: settings in force and the time. Out: runs, one for each originator and slot in the whole fleet.
//!
//! Never: ends the process because the store or the bus is away; the slot is tried again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ports::Clock;
use runtime::RunService;
use tokio_util::sync::CancellationToken;

/// How often to look whether a slot has begun.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(5);

/// Sends until the process is told to stop, as the settings in force say: a reload may change them.
pub(crate) async fn send(
    runs: Arc<RunService>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut sent: Option<Timestamp> = None;
    while !shutdown.is_cancelled() {
        if let Some(settings) = runs.canary() {
            let slot = settings.slot(clock.now());
            if sent != Some(slot) {
                match runs.open_canaries(&settings, slot).await {
                    Ok(()) => sent = Some(slot),
                    Err(error) => tracing::debug!(%error, "canaries could not be sent; it is tried again"),
                }
            }
        }
        shutdown.run_until_cancelled(clock.sleep_until(clock.now() + LOOK_EVERY)).await;
    }
    Ok(())
}
