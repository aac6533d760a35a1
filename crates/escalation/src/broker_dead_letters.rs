//! Dead letters that the broker holds.
//!
//! In: what the bus gave up or was told of. Out: letters in the store's index for all of it, and a bus without those
//! that were replayed or discarded.
//! Never: takes anything off the bus that the index does not have.

use std::{sync::Arc, time::Duration};

use domain::limits::BROKER_DEAD_LETTERS_MAX;
use jiff::SignedDuration;
use ports::{Dead, Notification};
use runtime::RoleError;
use tokio_util::sync::CancellationToken;

use crate::escalation_ports::EscalationPorts;

/// Looks at the bus every so often, until `shutdown`.
pub(crate) async fn run(ports: Arc<EscalationPorts>, every: Duration, shutdown: CancellationToken) {
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::from_secs(20));
    while !shutdown.is_cancelled() {
        if let Err(error) = sweep(&ports).await {
            tracing::warn!(%error, "the broker's dead letters could not be read; they stay there");
        }
        tokio::select! {
            () = ports.clock.sleep_until(ports.clock.now() + every) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Indexes what is not indexed, and takes away what was replayed or discarded.
///
/// # Errors
/// When a port fails. What was not finished stays with the broker.
pub(crate) async fn sweep(ports: &EscalationPorts) -> Result<(), RoleError> {
    // Held until the end: what goes back at once would be handed out again at once.
    let mut kept = Vec::new();
    for work in ports.bus.broker_dead_letters(BROKER_DEAD_LETTERS_MAX).await? {
        match work.what {
            Dead::Notified(id) if ports.letters.dead_letter(&id).await?.is_some() => kept.push(work.acker),
            Dead::Notified(_) => {
                work.acker.ack().await?;
            }
            Dead::GivenUp(letter) => {
                tracing::error!(
                    reason = letter.reason,
                    error = letter.error,
                    dead_letter = letter.id,
                    "work that the broker gave up became a dead letter"
                );
                ports.letters.add_dead_letter(&letter).await?;
                telemetry::metrics().runs.dead_letter(&letter.reason);
                ports.bus.notify(Notification::DeadLetter(letter));
                work.acker.ack().await?;
            }
        }
    }
    Ok(())
}
