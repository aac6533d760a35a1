//! Removes what was kept for long enough, and encrypts what was stored before there was a key, a few at a time.
//!
//! In: the time. Out: fewer texts, runs and dead letters, and nothing in the clear.
//! Never: touches what has not ended, or a consent entry.

use std::{sync::Arc, time::Duration};

use domain::{
    limits::{
        PURGE_BATCH_MAX, PURGE_EVERY_MS, PURGE_PAUSE_MS, RETENTION_LETTERS_S_DEFAULT, RETENTION_S_DEFAULT,
    },
    time::after_ms,
};
use jiff::{SignedDuration, Timestamp};
use runtime::RoleError;
use tokio_util::sync::CancellationToken;

use crate::EscalationPorts;

/// Documents that are encrypted together, so that nobody waits for long.
const SEAL_BATCH_MAX: u16 = 100;
/// How long that rests between two batches, in milliseconds.
const SEAL_PAUSE_MS: i64 = 20;
/// How often the log says how far it is.
const SAID_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// How long what has ended is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// A run, after its end.
    pub runs: Duration,
    /// Its texts and the fields of its event, after its end; those of a run that goes earlier go with it.
    pub texts: Duration,
    /// A dead letter of no run.
    pub letters: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let runs = Duration::from_secs(RETENTION_S_DEFAULT.into());
        Self { runs, texts: runs, letters: Duration::from_secs(RETENTION_LETTERS_S_DEFAULT.into()) }
    }
}

/// Works until `shutdown`.
pub(crate) async fn run(ports: Arc<EscalationPorts>, retention: Retention, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let now = ports.clock.now();
        let pause = match remove(&ports, &retention, now).await {
            Ok(most) if most == u64::from(PURGE_BATCH_MAX) => PURGE_PAUSE_MS,
            Ok(_) => PURGE_EVERY_MS,
            Err(error) => {
                tracing::warn!(%error, "what was kept for long enough could not be removed; it is tried again");
                PURGE_EVERY_MS
            }
        };
        tokio::select! {
            () = ports.clock.sleep_until(after_ms(now, pause)) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Has the store encrypt what it held before there was a key, until nothing is left or `shutdown`.
pub(crate) async fn seal(ports: Arc<EscalationPorts>, shutdown: CancellationToken) {
    let (mut sealed, mut said_at) = (0, ports.clock.now());
    while !shutdown.is_cancelled() {
        let now = ports.clock.now();
        let pause = match ports.sealing.seal_stored(SEAL_BATCH_MAX).await {
            Ok(0) if sealed == 0 => return,
            Ok(0) => {
                tracing::info!(documents = sealed, "what was stored before there was a key is encrypted");
                return;
            }
            Ok(count) => {
                sealed += count;
                SEAL_PAUSE_MS
            }
            Err(error) => {
                tracing::warn!(%error, "what was stored before there was a key could not be encrypted; it is tried again");
                PURGE_PAUSE_MS
            }
        };
        if now.duration_since(said_at) >= SAID_EVERY {
            said_at = now;
            tracing::info!(documents = sealed, "what was stored before there was a key is being encrypted");
        }
        tokio::select! {
            () = ports.clock.sleep_until(after_ms(now, pause)) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Removes one batch of each kind. Returns how large the largest was.
async fn remove(ports: &EscalationPorts, retention: &Retention, now: Timestamp) -> Result<u64, RoleError> {
    let before = |kept: Duration| now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    let letters = ports.retention.purge_letters(before(retention.letters), PURGE_BATCH_MAX).await?;
    let mut bare = 0;
    // Texts that are kept as long as their runs go with them.
    if retention.texts < retention.runs {
        for id in ports.retention.ended_with_texts(before(retention.texts), PURGE_BATCH_MAX).await? {
            let changed = ports.runs.apply(&id, |run, ctx| run.remove_texts(ctx)).await?;
            bare += u64::from(changed.is_some_and(|changed| changed.value));
        }
    }
    let runs = ports.retention.purge(before(retention.runs), PURGE_BATCH_MAX).await?;
    Ok(runs.max(bare).max(letters))
}
