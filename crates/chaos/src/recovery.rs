//! How fast the fleet recovers. In: a fleet that is whole again. Out: three figures.
//!
//! Never: has the provider fail meanwhile; only its latency stays.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{AuditStore as _, Clock as _, SystemClock};
use twilio_sim::FaultPlan;

use crate::{
    event_outcome::{Sample, Scenario},
    fleet::Fleet,
    load::Producer,
    pause::pause,
};

/// Escalations that come due at one moment.
pub(crate) const BURST: usize = 6_000;
/// Events in one publish of the burst, and publishes at once.
const BATCH: usize = 100;
const PUBLISHES: usize = 4;
/// The deadline of the burst's workflow has certainly passed, and its timers have fired.
const DUE_AFTER: Duration = Duration::from_secs(3);
/// Longer than any of it takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Latency of the provider, in milliseconds.
const LATENCY_MS: u64 = 50;

/// Events a second while half of the workers die, for how long, and when that happens.
const STEADY_PER_S: u32 = 200;
const STEADY: Duration = Duration::from_secs(10);
const KILL_AFTER: Duration = Duration::from_secs(3);
/// Half of the fleet, ingest apart: two of three senders, one of two callbacks, one of two escalations.
const HALF: [usize; 4] = [1, 2, 4, 6];

/// Events that are sent while a sender is paused, every fifth a page, and for how long it is paused.
const PAUSED_EVENTS: usize = 100;
const PAUSED: Duration = Duration::from_secs(75);

/// From here on the provider only takes its time, all processes run, and what Redis may have lost has been reconciled.
#[expect(clippy::disallowed_methods, reason = "real processes are given so long")]
pub(crate) async fn calm(fleet: &Fleet) -> Result<()> {
    fleet.sim.set_faults(FaultPlan { latency_ms: LATENCY_MS, ..FaultPlan::default() })?;
    fleet.wait_until_ready().await?;
    let store = fleet.store().await?;
    let doubting = async {
        while !matches!(store.data_loss_since().await, Ok(None)) {
            pause(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(PATIENCE, doubting).await.context("doubts of what Redis may have lost")
}

/// From the moment at which [`BURST`] runs are overdue and a process runs, until the last next person is texted, in seconds.
pub(crate) async fn burst_s(fleet: &Fleet, producer: &Producer) -> Result<f64> {
    let samples: Vec<Sample> = (0..BURST).map(|index| Sample::new(Scenario::Burst, "burst", index)).collect();
    let before = fleet.sim.view(|view| view.accepted());
    let accepted = |more: usize| move |view: &twilio_sim::View<'_>| view.accepted() >= before + more as u64;
    // Stopped in their tracks, the escalation workers find everything due when they go on.
    signal_escalations(fleet, "-STOP").await?;
    let sent = stream::iter(samples.chunks(BATCH))
        .map(|batch| producer.publish(batch))
        .buffer_unordered(PUBLISHES)
        .try_collect::<Vec<()>>()
        .await;
    let first = fleet.sim.wait_until(accepted(BURST), PATIENCE).await;
    pause(DUE_AFTER).await;
    let begun = SystemClock.now();
    signal_escalations(fleet, "-CONT").await?;
    sent?;
    first.context("the first texts of the burst")?;
    fleet.sim.wait_until(accepted(2 * BURST), PATIENCE).await.context("the burst")?;
    Ok(SystemClock.now().duration_since(begun).as_secs_f64())
}

async fn signal_escalations(fleet: &Fleet, signal: &str) -> Result<()> {
    for worker in fleet.workers.iter().filter(|worker| worker.role == "escalation") {
        worker.signal(signal).await?;
    }
    Ok(())
}

/// The longest that a page waits which is sent among texts just after a sender was paused, in seconds. The sender goes
/// on when its claims have lapsed and others have done its work.
pub(crate) async fn sender_paused_s(fleet: &Fleet, producer: &Producer) -> Result<f64> {
    let scenario = |index: usize| if index.is_multiple_of(5) { Scenario::Answered } else { Scenario::Note };
    let samples: Vec<Sample> =
        (0..PAUSED_EVENTS).map(|index| Sample::new(scenario(index), "paused", index)).collect();
    samples.iter().for_each(|sample| sample.prepare(&fleet.sim));
    let sender = fleet.workers.iter().find(|worker| worker.role == "sender").context("there is a sender")?;
    let begun = SystemClock.now();
    sender.signal("-STOP").await?;
    producer.publish(&samples).await?;
    let arrived =
        |sample: &Sample, view: &twilio_sim::View<'_>| view.texts(sample.first()).first().map(|text| text.at);
    let all = |view: &twilio_sim::View<'_>| samples.iter().all(|sample| arrived(sample, view).is_some());
    let sent = fleet.sim.wait_until(all, PATIENCE).await;
    SystemClock.sleep_until(begun + SignedDuration::try_from(PAUSED)?).await;
    sender.signal("-CONT").await?;
    sent.context("texts while a sender is paused")?;
    let pages = samples.iter().filter(|sample| sample.scenario == Scenario::Answered);
    let waits = pages.filter_map(|page| {
        let arrived = fleet.sim.view(|view| arrived(page, view))?;
        Some(arrived.duration_since(begun).as_secs_f64())
    });
    Ok(waits.fold(0.0, f64::max))
}

/// The longest that an event waits for its text which is sent while half of the workers are killed, or after it, in
/// seconds.
pub(crate) async fn half_killed_s(fleet: &Fleet, producer: &Producer) -> Result<f64> {
    let events = STEADY_PER_S as usize * STEADY.as_secs() as usize;
    let samples: Vec<Sample> = (0..events).map(|index| Sample::new(Scenario::Note, "half", index)).collect();
    let begin = SystemClock.now() + SignedDuration::from_millis(500);
    let kill_at = begin + SignedDuration::try_from(KILL_AFTER)?;
    let killing = async {
        SystemClock.sleep_until(kill_at).await;
        futures::future::join_all(HALF.map(|index| fleet.workers[index].kill())).await
    };
    let (sent, _) = tokio::join!(producer.send_all(&samples, begin, STEADY), killing);
    sent?;
    let sent_at = |index: usize| {
        begin + SignedDuration::from_micros(index as i64 * 1_000_000 / i64::from(STEADY_PER_S))
    };
    let after: Vec<(&Sample, Timestamp)> = samples
        .iter()
        .enumerate()
        .map(|(index, sample)| (sample, sent_at(index)))
        .filter(|(_, at)| *at >= kill_at)
        .collect();
    let arrived =
        |sample: &Sample, view: &twilio_sim::View<'_>| view.texts(sample.first()).first().map(|text| text.at);
    let all = |view: &twilio_sim::View<'_>| after.iter().all(|(sample, _)| arrived(sample, view).is_some());
    fleet.sim.wait_until(all, PATIENCE).await.context("texts after half of the workers died")?;
    let waits = after.iter().filter_map(|(sample, at)| {
        let arrived = fleet.sim.view(|view| arrived(sample, view))?;
        Some(arrived.duration_since(*at).as_secs_f64())
    });
    Ok(waits.fold(0.0, f64::max))
}
