//! The load beside the runs that are held: events of a source, and deadlines that pass. In: a door and a provider. Out: how
//! long each waits, and what it costs.
//!
//! Never: a deadline that passes before the load has begun.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};
use serde_json::Value;
use twilio_sim::{SimHandle, Status, View};

use super::{
    column::{DEADLINES_PER_S, Figures},
    fill,
};
use crate::{
    door::{BUSY, Door, event, phone},
    load::{PATIENCE, percentiles},
};

/// Events a second.
pub(super) const PER_S: u64 = 500;
/// The workflow of the runs whose deadlines pass meanwhile, and how long their first step waits, in seconds.
const SOON: &str = "soon";
const SOON_S: u64 = 30;
/// Requests that may wait for their answer at once.
const OPEN_MAX: usize = 1_000;

/// The workflow of the runs whose deadlines pass during the load.
pub(super) fn soon_workflow() -> (&'static str, String) {
    (SOON, fill::workflow(SOON, SOON_S as i64))
}

/// Posts the event of the template, and waits until its text has arrived.
pub(super) async fn open_template(door: &Door, sim: &SimHandle) -> Result<()> {
    door.post_one(BUSY.1, &fill::template_event()).await?;
    let is_stored =
        |view: &View<'_>| view.with_status(Status::Delivered) == 1 && view.callbacks().answered_2xx >= 2;
    Ok(sim.wait_until(is_stored, PATIENCE).await?)
}

/// What a process has used so far, by name, in seconds.
pub(super) type Used = BTreeMap<&'static str, f64>;

/// Runs it, and says how long events and deadlines waited. Returns the CPU time of an event by process, in microseconds.
pub(super) async fn measure(
    door: &Door,
    sim: &SimHandle,
    latency_ms: u64,
    lasting: Duration,
    used: impl Fn() -> Result<Used>,
    figures: &mut Figures,
) -> Result<Used> {
    let events = PER_S * lasting.as_secs();
    let deadlines = DEADLINES_PER_S * lasting.as_secs();
    let before = sim.view(|view| view.with_status(Status::Delivered));
    let answered = sim.view(|view| view.callbacks().answered_2xx);
    let begun = SystemClock.now();
    let soon = |index: u64| {
        let [first, second] = soon_phones(index);
        fill::event(SOON, &format!("soon-{index}"), &format!("S{index}"), [&first, &second])
    };
    let opened = post(door, deadlines, DEADLINES_PER_S, begun, soon).await?;
    let from = begun + SignedDuration::from_secs(SOON_S as i64);
    SystemClock.sleep_until(from).await;
    let cpu = used()?;
    let accepted = post(door, events, PER_S, from, |index| event(BUSY.0, index as usize)).await?;
    let texts = events + 2 * deadlines;
    let all = |view: &View<'_>| {
        view.with_status(Status::Delivered) >= before + texts
            && view.callbacks().answered_2xx >= answered + 2 * texts
    };
    sim.wait_until(all, PATIENCE).await?;
    let mut cost = used()?;
    for (name, used) in &mut cost {
        *used = (*used - cpu.get(name).copied().unwrap_or_default()) * 1e6 / events as f64;
    }
    let waited = |from: Timestamp, phone: String| {
        let text = sim.phone(phone).texts().into_iter().next()?;
        Some(text.at.duration_since(from).as_secs_f64() * 1_000.0 - latency_ms as f64)
    };
    let texts = accepted.iter().filter_map(|(index, at)| waited(*at, phone(*index as usize)));
    let texts = percentiles(texts.collect());
    figures.add("accepted to POST, p50 ms", 1, texts.p50_ms);
    figures.add("accepted to POST, p99 ms", 1, texts.p99_ms);
    let after = SignedDuration::from_secs(SOON_S as i64);
    let late = opened.iter().filter_map(|(index, at)| waited(*at + after, soon_phones(*index)[1].clone()));
    let late = percentiles(late.collect());
    figures.add("deadline to POST of the next step, p50 ms", 0, late.p50_ms);
    figures.add("deadline to POST of the next step, p99 ms", 0, late.p99_ms);
    Ok(cost)
}

fn soon_phones(index: u64) -> [String; 2] {
    [format!("+1418{index:07}"), format!("+1419{index:07}")]
}

/// So many events a second, each in a request of its own. Returns when each was accepted.
async fn post(
    door: &Door,
    count: u64,
    per_s: u64,
    from: Timestamp,
    event: impl Fn(u64) -> Value,
) -> Result<Vec<(u64, Timestamp)>> {
    let event = &event;
    stream::iter(0..count)
        .map(|index| async move {
            let at = from + SignedDuration::from_micros((index * 1_000_000 / per_s) as i64);
            SystemClock.sleep_until(at).await;
            door.post_one(BUSY.1, &event(index)).await?;
            Ok((index, SystemClock.now()))
        })
        .buffer_unordered(OPEN_MAX)
        .try_collect()
        .await
}
