//! When to stop. In: Ctrl-C or SIGTERM. Out: a cancelled token.

use tokio_util::sync::CancellationToken;

use crate::service_manager;

/// A token that is cancelled at the first Ctrl-C or SIGTERM. A second one ends the process at once.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!(
                    "stopping: no new work is taken, work in progress is finished; signal again to stop at once"
                );
                service_manager::stopping();
                cancelled.cancel();
            } else {
                std::process::exit(1);
            }
        }
    });
    Ok(token)
}
