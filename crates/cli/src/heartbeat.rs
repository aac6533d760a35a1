//! What this process reports of itself. In: its roles, and whether it can use its servers. Out: a heartbeat in the store.
//!
//! Never: ends the process because the store is away; it reports again as soon as it can.

use std::sync::Arc;

use control::OwnHeartbeat;
use domain::{
    status::{HEARTBEAT_EVERY_S, HEARTBEAT_KEPT_S, Heartbeat},
    time::after_s,
};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, StatusStore};
use tokio_util::sync::CancellationToken;

use crate::{args::Role, health::Readiness};

/// Who reports.
pub(crate) struct Reporter {
    /// What it runs.
    pub(crate) roles: Vec<Role>,
    /// Why it runs without a preflight, if it does.
    pub(crate) without_preflight: Option<String>,
    /// Where its own answers find what it reported, also when the store takes nothing.
    pub(crate) own: OwnHeartbeat,
}

/// Reports until the process is told to stop, and then that it is gone.
pub(crate) async fn report(
    reporter: Reporter,
    store: Arc<dyn StatusStore>,
    readiness: Arc<Readiness>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let (process, started_at) = (telemetry::process_name(), clock.now());
    let Reporter { roles, without_preflight, own } = reporter;
    loop {
        let heartbeat = Heartbeat {
            process: process.clone(),
            roles: roles.iter().map(|role| role.name()).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            faults: readiness.faults().await,
            open_breakers: telemetry::open_breakers(),
            submitted: telemetry::submitted(),
            without_preflight: without_preflight.clone(),
            at: clock.now(),
        };
        own.set(heartbeat.clone());
        let forgotten_before = after_s(heartbeat.at, -HEARTBEAT_KEPT_S);
        // Who cannot reach the store says so in its readiness and in its log already.
        if let Err(error) = store.report(&heartbeat, forgotten_before).await {
            tracing::debug!(%error, "this process could not report itself");
        }
        let next: Timestamp = clock.now() + SignedDuration::from_secs(HEARTBEAT_EVERY_S);
        if shutdown.run_until_cancelled(clock.sleep_until(next)).await.is_none() {
            break;
        }
    }
    if let Err(error) = store.withdraw(&process).await {
        tracing::debug!(%error, "this process could not report its end");
    }
    Ok(())
}
