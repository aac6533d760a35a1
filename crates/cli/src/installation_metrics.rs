//! Gauges of the whole installation, from processes that run `escalation` or `callback`. In: a status every few seconds.
//! Out: metrics.
//!
//! Never: shows a status that could not be read: its gauges are gone then, and `callout_dependency_up` says which server is
//! away.

use std::sync::Arc;

use control::{Answer, Control, Principal, Request};
use jiff::SignedDuration;
use ports::Clock;
use tokio_util::sync::CancellationToken;

/// How often the installation is looked at.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// Looks until the process is told to stop.
pub(crate) async fn watch(
    control: Control,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let monitor = Principal::operator("metrics");
    loop {
        match control.execute(&monitor, Request::Status).await {
            Ok(Answer::Status { report }) => {
                let problems = report.findings.iter().filter(|finding| finding.is_problem).count();
                telemetry::metrics().installation.show(&report.status, problems);
            }
            Ok(_) => telemetry::metrics().installation.clear(),
            Err(error) => {
                telemetry::metrics().installation.clear();
                tracing::debug!(%error, "the installation could not be looked at");
            }
        }
        let next = clock.now() + LOOK_EVERY;
        if shutdown.run_until_cancelled(clock.sleep_until(next)).await.is_none() {
            return Ok(());
        }
    }
}
