//! Waits until nothing moves any more. In: the store and the simulator. Out: what is still open, if time runs out.
//!
//! Never: takes a quiet moment for the end: it must be quiet twice in a row.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use domain::{id::RunId, run::Run};
use ports::{AuditStore as _, Clock as _, RunStore as _, StoreError, SystemClock, store::RunFilter};
use store_redis::RedisStore;
use twilio_sim::{Callbacks, SimHandle};

use crate::{fleet::Fleet, load::Sent, pause::pause, plan::Plan, report::Report};

/// How long doubts, deadlines and retries may take to end after the last kill, beyond the deadlines of the plan.
const QUIESCE_MAX: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Runs in one page of a list.
const PAGE: u16 = 1_000;
/// Phases of a message that are not final.
const OPEN: [&str; 4] = ["queued", "dispatching", "in_doubt", "retry_wait"];

/// Waits until so many runs are resolved, for at most `patience`. Returns what is still open then, or nothing.
async fn until_resolved(
    store: &RedisStore,
    sim: &SimHandle,
    runs: usize,
    patience: Duration,
    say: &(dyn Fn(&str) + Sync),
) -> Result<String> {
    let begun = SystemClock.now();
    let (mut quiet, mut said) = (0, String::new());
    loop {
        let open = match open(store, sim, runs).await {
            Ok(open) => open,
            Err(error) => format!("{error}"),
        };
        quiet = if open.is_empty() { quiet + 1 } else { 0 };
        let waited = SystemClock.now().duration_since(begun).unsigned_abs();
        if quiet == 2 || waited > patience {
            return Ok(open);
        }
        if open != said {
            say(&format!("waiting for the end, {} s: {open}", waited.as_secs()));
            said = open;
        }
        pause(LOOK_EVERY).await;
    }
}

/// What is open, in words.
async fn open(store: &RedisStore, sim: &SimHandle, runs: usize) -> Result<String, StoreError> {
    let counts = store.audit_counts().await?;
    let mut open: BTreeMap<&str, u64> = BTreeMap::new();
    for name in OPEN {
        open.insert(name, counts.messages.get(name).copied().unwrap_or_default());
    }
    open.insert("runs to come", (runs as u64).saturating_sub(counts.runs.values().sum()));
    let report = sim.report();
    let posting =
        |posts: Callbacks| posts.posted.saturating_sub(posts.answered_2xx).saturating_sub(posts.failed);
    open.insert("webhooks", posting(report.callbacks) + posting(report.inbound));
    open.insert("active runs", counts.runs.get("active").copied().unwrap_or_default());
    let words =
        open.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}"));
    Ok(words.collect::<Vec<_>>().join(", "))
}

/// Says how the load went, and waits until nothing is left to do for its events; what is left then is an offence.
pub(crate) async fn come_to_rest(
    plan: &Plan,
    fleet: &Fleet,
    sent: &Sent,
    events: usize,
    report: &mut Report,
    say: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    report.count("events over HTTP, to the exchange", format!("{}, {}", sent.over_http, sent.to_exchange));
    report.count("batches that producers sent again", sent.repeated);
    report.count("processes that ended for want of a server, and were started again", fleet.exits());
    let store = fleet.store().await?;
    let patience = QUIESCE_MAX + Duration::from_secs(u64::from(2 * plan.ack_s));
    let open = until_resolved(&store, &fleet.sim, events, patience, say).await?;
    if !open.is_empty() {
        report.offences.push(format!("not resolved in time: {open}"));
    }
    Ok(())
}

/// The runs after one of them in the order of lists, or the first; none after the last.
pub(crate) async fn page_of_runs(store: &RedisStore, after: Option<RunId>) -> Result<Vec<Run>, StoreError> {
    let page = store.list_runs(&RunFilter { after, ..RunFilter::default() }, PAGE).await?;
    page.into_iter().map(|run| run.map_err(|unreadable| StoreError::Corrupt(unreadable.error))).collect()
}
