//! The loads of a fleet. In: a running fleet. Out: what it made of them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, anyhow};
use domain::{event::Event, source_quota::Quota};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{Bus as _, Clock as _, SystemClock};
use serde_json::Value;
use twilio_sim::Status;

use super::deployment::{Fleet, Ingress};
use crate::{
    door::{BATCH, BUSY, PRODUCERS, event, phone},
    load::{Latency, PATIENCE, all_stored, percentiles},
};

/// What a burst cost.
pub(crate) struct Burst {
    /// From the first event to the last stored status.
    pub(crate) events_per_s: f64,
    /// Messages that the broker routed, per event.
    pub(crate) hops: f64,
    /// CPU microseconds per event, by process.
    pub(crate) cpu_us: BTreeMap<&'static str, f64>,
    /// Resident memory at the highest, by role, in MB.
    pub(crate) peak_mb: BTreeMap<&'static str, f64>,
}

/// As many events as fast as they are taken, until every text has arrived and every status is stored.
pub(crate) async fn burst(fleet: &Fleet, events: usize, ingress: Ingress) -> Result<Burst> {
    let (hops, cpu, begun) = (fleet.hops().await?, fleet.cpu_s()?, SystemClock.now());
    match ingress {
        Ingress::Exchange => publish_all(fleet, events).await?,
        Ingress::Http => fleet.door.post_all(0..events).await?,
    }
    all_stored(&fleet.sim, events).await?;
    let seconds = SystemClock.now().duration_since(begun).as_secs_f64();
    let mut cpu_us = fleet.cpu_s()?;
    for (name, used) in &mut cpu_us {
        *used = (*used - cpu.get(name).copied().unwrap_or_default()) * 1e6 / events as f64;
    }
    Ok(Burst {
        events_per_s: events as f64 / seconds,
        hops: (fleet.hops().await? - hops) / events as f64,
        cpu_us,
        peak_mb: fleet.peak_mb()?,
    })
}

async fn publish_all(fleet: &Fleet, events: usize) -> Result<()> {
    let batches: Vec<Vec<Value>> = (0..events)
        .step_by(BATCH)
        .map(|first| (first..(first + BATCH).min(events)).map(|index| event(BUSY.0, index)).collect())
        .collect();
    let publishing = stream::iter(batches).map(|batch| publish(fleet, batch)).buffer_unordered(PRODUCERS);
    publishing.try_collect::<Vec<()>>().await.map(drop)
}

async fn publish(fleet: &Fleet, batch: Vec<Value>) -> Result<()> {
    let events = batch.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(fleet.bus.publish_events(&events, Quota::Within).await?)
}

fn read(event: Value) -> Result<Event> {
    Event::from_value(event).map_err(|errors| anyhow!("{errors:?}"))
}

/// So many events a second, each published by itself; from its publish to its text at the provider, whose latency is
/// taken off.
pub(crate) async fn steady(fleet: &Fleet, per_s: u64, lasting: Duration) -> Result<Latency> {
    let events = per_s as usize * lasting.as_secs() as usize;
    let begun = SystemClock.now();
    let published: BTreeMap<usize, Timestamp> = stream::iter(0..events)
        .map(|index| async move {
            let at = begun + SignedDuration::from_micros((index as u64 * 1_000_000 / per_s) as i64);
            SystemClock.sleep_until(at).await;
            let at = SystemClock.now();
            publish(fleet, vec![event(BUSY.0, index)]).await?;
            anyhow::Ok((index, at))
        })
        .buffer_unordered(2 * per_s as usize)
        .try_collect()
        .await?;
    let all = events as u64;
    fleet.sim.wait_until(|view| view.with_status(Status::Delivered) == all, PATIENCE).await?;
    let waits = published.iter().filter_map(|(index, published)| {
        let text = fleet.sim.phone(phone(*index)).texts().into_iter().next()?;
        Some(text.at.duration_since(*published).as_secs_f64() * 1_000.0)
    });
    Ok(percentiles(waits.map(|wait| wait - fleet.latency_ms as f64).collect()))
}
