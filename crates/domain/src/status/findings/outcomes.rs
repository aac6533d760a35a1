//! What is wrong with what becomes of texts. In: a status. Out: findings about texts that are tried again, and about runs
//! that reached nobody.
//!
//! Never: a finding whose cause has one already.

use super::{provider::breakers, words::is_older};
use crate::{
    id::RunId,
    plural::counted,
    status::{Finding, PROVIDER_BREAKER, Status, Unreached, Waiting, age, problem},
};

/// A critical text may be tried again for so long, in seconds, before that is a problem.
const CRITICAL_RETRY_S: i64 = 30;
/// Any text may be tried again for so long, in seconds, before that is a problem.
const RETRY_S: i64 = 300;
/// So many runs that reached nobody are a problem, where none of them is critical.
const UNREACHED_MANY: u64 = 3;

/// Texts that were not taken, again and again.
pub(super) fn retries(status: &Status, found: &mut Vec<Finding>) {
    let is_stopped = !breakers(status, |breaker| breaker == PROVIDER_BREAKER).is_empty();
    if is_stopped || status.refused_account().is_some() {
        return;
    }
    let waits = &status.retry_waits;
    let (late, noun) = if is_older(status.now, waits.critical.since, CRITICAL_RETRY_S) {
        (waits.critical, "critical text")
    } else if is_older(status.now, waits.texts.since, RETRY_S) {
        (waits.texts, "text")
    } else {
        return;
    };
    let Waiting { count, since } = late;
    let (were, wait) = if count == 1 { ("was", "waits") } else { ("were", "wait") };
    let oldest = since.map(|since| age(status.now, since)).unwrap_or_default();
    let what = format!(
        "{} {were} not taken and {wait} to be sent again, the oldest for {oldest}",
        counted(count, noun)
    );
    let remedy = format!(
        "{} says what the provider answers; it is tried again by itself until its deadline",
        explain(waits.run.as_ref())
    );
    problem(found, what, remedy);
}

/// Runs that reached nobody.
pub(super) fn unreached(status: &Status, found: &mut Vec<Finding>) {
    let Unreached { runs, critical, last_at, run } = &status.unreached;
    if *critical == 0 && *runs < UNREACHED_MANY {
        return;
    }
    let last = last_at.map(|last| age(status.now, last)).unwrap_or_default();
    let what =
        format!("{} reached nobody within the last hour, the last one {last} ago", counted(*runs, "run"));
    let remedy = format!(
        "{} says why; `callout test-page CONTACT` shows whether a text arrives at all, and is answered",
        explain(run.as_ref())
    );
    problem(found, what, remedy);
}

fn explain(run: Option<&RunId>) -> String {
    run.map_or("`callout runs explain`".to_owned(), |run| format!("`callout runs explain {run}`"))
}
