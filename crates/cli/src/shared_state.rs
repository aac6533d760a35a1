//! What processes share beside runs: what became of texts of each originator, and silences. In: what this process noted. Out:
//! what all of them know.
//!
//! Never: ends the process because the store is away; what was noted is kept until it is back.

use std::sync::Arc;

use jiff::SignedDuration;
use ports::Clock;
use runtime::RunService;
use tokio_util::sync::CancellationToken;

/// How often it is exchanged.
const EVERY: SignedDuration = SignedDuration::from_secs(5);

/// Exchanges until the process is told to stop, and once more then.
pub(crate) async fn exchange(
    runs: Arc<RunService>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let is_over = shutdown.is_cancelled();
        if let Err(error) = runs.exchange_receipts().await {
            tracing::debug!(%error, "what became of texts could not be noted for other processes");
        }
        if let Err(error) = runs.refresh_silences().await {
            tracing::debug!(%error, "silences could not be read");
        }
        if is_over {
            return Ok(());
        }
        shutdown.run_until_cancelled(clock.sleep_until(clock.now() + EVERY)).await;
    }
}
