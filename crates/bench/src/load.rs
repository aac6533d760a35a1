//! The loads. In: a running installation. Out: what it made of them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};
use serde_json::{Value, json};
use twilio_sim::Status;

use crate::installation::{Installation, KEY};

/// Events in one request.
pub(crate) const BATCH: usize = 100;
/// Requests with events open at once.
pub(crate) const PRODUCERS: usize = 8;
/// Longer than any load takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// What a burst cost.
pub(crate) struct Throughput {
    /// From the first request to the last stored status.
    pub(crate) events_per_s: f64,
    /// CPU time of the callout process.
    pub(crate) cpu_us_per_event: f64,
    /// Its resident memory at the highest.
    pub(crate) peak_mb: f64,
}

/// How long a text waits.
pub(crate) struct Latency {
    /// In the middle.
    pub(crate) p50_ms: f64,
    /// All but one in a hundred.
    pub(crate) p99_ms: f64,
}

pub(crate) fn event(index: usize) -> Value {
    let id = format!("e-{index}");
    json!({"specversion": "1.0", "source": "bench", "id": id, "type": "note.created", "data":
           {"number": format!("N{index:07}"), "phone": phone(index)}})
}

pub(crate) fn phone(index: usize) -> String {
    format!("+1415{index:07}")
}

async fn post(installation: &Installation, content_type: &str, body: String) -> Result<()> {
    let request = installation.client.post(format!("{}/v1/events", installation.url)).bearer_auth(KEY);
    let response = request.header("content-type", content_type).body(body).send().await?;
    if !response.status().is_success() {
        bail!("{}: {}", response.status(), response.text().await?);
    }
    Ok(())
}

/// As many events as fast as they are taken, until every text has arrived and every status is stored.
pub(crate) async fn throughput(installation: &Installation, events: usize) -> Result<Throughput> {
    let bodies: Vec<String> = (0..events)
        .step_by(BATCH)
        .map(|first| Value::Array((first..(first + BATCH).min(events)).map(event).collect()).to_string())
        .collect();
    let (cpu, begun) = (installation.cpu_s()?, SystemClock.now());
    stream::iter(bodies)
        .map(|body| post(installation, "application/cloudevents-batch+json", body))
        .buffer_unordered(PRODUCERS)
        .try_collect::<Vec<()>>()
        .await?;
    let all = events as u64;
    let arrived = |view: &twilio_sim::View<'_>| {
        view.with_status(Status::Delivered) == all && view.callbacks().answered_2xx >= 2 * all
    };
    installation.sim.wait_until(arrived, PATIENCE).await?;
    let seconds = SystemClock.now().duration_since(begun).as_secs_f64();
    Ok(Throughput {
        events_per_s: events as f64 / seconds,
        cpu_us_per_event: (installation.cpu_s()? - cpu) * 1e6 / events as f64,
        peak_mb: installation.peak_mb()?,
    })
}

/// So many events a second, each in a request of its own; from its 202 to its text at the provider.
pub(crate) async fn steady(installation: &Installation, per_s: u64, lasting: Duration) -> Result<Latency> {
    let events = per_s as usize * lasting.as_secs() as usize;
    let begun = SystemClock.now();
    let accepted: BTreeMap<usize, Timestamp> = stream::iter(0..events)
        .map(|index| async move {
            SystemClock
                .sleep_until(begun + SignedDuration::from_micros((index as u64 * 1_000_000 / per_s) as i64))
                .await;
            post(installation, "application/cloudevents+json", event(index).to_string()).await?;
            anyhow::Ok((index, SystemClock.now()))
        })
        .buffer_unordered(2 * per_s as usize)
        .try_collect()
        .await?;
    let all = events as u64;
    installation.sim.wait_until(|view| view.with_status(Status::Delivered) == all, PATIENCE).await?;
    let waits = accepted
        .iter()
        .filter_map(|(index, accepted)| {
            let text = installation.sim.phone(phone(*index)).texts().into_iter().next()?;
            Some(text.at.duration_since(*accepted).as_secs_f64() * 1_000.0)
        })
        .collect();
    Ok(percentiles(waits))
}

/// The figures of all waits, in milliseconds.
pub(crate) fn percentiles(mut waits: Vec<f64>) -> Latency {
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| {
        waits.get(((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1))).copied()
    };
    Latency { p50_ms: at(0.50).unwrap_or(0.0), p99_ms: at(0.99).unwrap_or(0.0) }
}
