//! What it takes to claim due runs, as an escalation worker does. In: a store whose runs are due at a time to come. Out: the
//! median of several claims.
//!
//! Never: leaves a run where it was: what was claimed is hidden, so nothing is measured after it.

use anyhow::{Result, ensure};
use domain::limits::DUE_BATCH_MAX;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, Store, SystemClock};

use super::column::Figures;
use crate::figures::median;

/// Claims that are made.
const CLAIMS: usize = 20;

/// Claims runs that are due by `due`, a batch at a time.
pub(super) async fn measure(store: &dyn Store, due: Timestamp, figures: &mut Figures) -> Result<()> {
    let mut waits = Vec::new();
    for _ in 0..CLAIMS {
        let begun = SystemClock.now();
        let taken = store.take_due(None, due, due + SignedDuration::from_hours(24), DUE_BATCH_MAX).await?;
        waits.push(SystemClock.now().duration_since(begun).as_secs_f64() * 1_000.0);
        ensure!(!taken.is_empty(), "nothing was due");
    }
    figures.add(format!("claim of {DUE_BATCH_MAX} due runs, ms"), 1, median(waits));
    Ok(())
}
