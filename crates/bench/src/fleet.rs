//! The fleet's figures. In: the binary, how much, how often. Out: rows for docs/benchmarks.md.
//!
//! Never: fails because a figure is low.

pub(crate) mod deployment;
pub(crate) mod load;

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Result;

use crate::{
    args::{Args, IN_FLIGHT_MAX},
    figures::{STEADY_PER_S, println_line, row},
    load::Latency,
};

use self::{
    deployment::{Fleet, Ingress, Size},
    load::Burst,
};

/// Events per burst, if not said otherwise.
pub(crate) const EVENTS: usize = 20_000;
/// Requests open at once for each sender where they are the bound, and how much less there is to do.
const IN_FLIGHT_EACH: usize = 60;
const SHORTER: usize = 4;

/// Measures everything.
pub(crate) async fn measure(args: &Args, callout: &Path) -> Result<()> {
    let events = args.events.unwrap_or(EVENTS);
    println_line("| figure | senders | median | spread |");
    println_line("|---|---|---|---|");
    let size = |senders| Size {
        senders,
        in_flight_max: IN_FLIGHT_MAX,
        latency_ms: latency_ms(args),
        is_sealed: false,
        is_redis_cluster: args.redis_cluster,
    };
    for senders in &args.senders {
        bursts(args, callout, size(*senders), events, Ingress::Exchange).await?;
    }
    let most = args.senders.iter().copied().max().unwrap_or(1);
    bursts(args, callout, size(most), events, Ingress::Http).await?;
    for senders in &args.senders {
        let size = Size { in_flight_max: IN_FLIGHT_EACH * senders, ..size(*senders) };
        let mut rates = Vec::new();
        for _ in 0..args.runs.min(3) {
            let fleet = Fleet::start(callout, size).await?;
            rates.push(load::burst(&fleet, events / SHORTER, Ingress::Exchange).await?.events_per_s);
            fleet.stop().await?;
        }
        let figure = format!("events/s, {IN_FLIGHT_EACH} requests open for each sender");
        row(&figure, &senders.to_string(), 0, rates);
    }
    let mut waits: Vec<Latency> = Vec::new();
    let mut hops: Vec<f64> = Vec::new();
    for _ in 0..args.runs.min(3) {
        let fleet = Fleet::start(callout, size(most)).await?;
        let before = fleet.hops().await?;
        let lasting = Duration::from_secs(args.steady_s);
        waits.push(load::steady(&fleet, STEADY_PER_S, lasting).await?);
        hops.push((fleet.hops().await? - before) / (STEADY_PER_S * args.steady_s) as f64);
        fleet.stop().await?;
    }
    let at = most.to_string();
    row("publish to POST at 200 events/s, p50 ms", &at, 1, waits.iter().map(|wait| wait.p50_ms));
    row("publish to POST at 200 events/s, p99 ms", &at, 1, waits.iter().map(|wait| wait.p99_ms));
    row("RabbitMQ hops per event at 200 events/s", &at, 2, hops);
    Ok(())
}

/// The provider's latency; a fleet is measured at one.
pub(crate) fn latency_ms(args: &Args) -> u64 {
    args.latencies.as_ref().and_then(|latencies| latencies.last().copied()).unwrap_or(50)
}

async fn bursts(args: &Args, callout: &Path, size: Size, events: usize, ingress: Ingress) -> Result<()> {
    let mut bursts: Vec<Burst> = Vec::new();
    for _ in 0..args.runs {
        let fleet = Fleet::start(callout, size).await?;
        bursts.push(load::burst(&fleet, events, ingress).await?);
        fleet.stop().await?;
    }
    let (at, through) = (size.senders.to_string(), ingress.name());
    row(&format!("events/s, {through}"), &at, 0, bursts.iter().map(|burst| burst.events_per_s));
    row(&format!("RabbitMQ hops per event, {through}"), &at, 2, bursts.iter().map(|burst| burst.hops));
    let by_name = |of: &dyn Fn(&Burst) -> &BTreeMap<&'static str, f64>| {
        let mut values: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
        for (name, value) in bursts.iter().flat_map(of) {
            values.entry(name).or_default().push(*value);
        }
        values
    };
    for (name, values) in by_name(&|burst| &burst.cpu_us) {
        row(&format!("CPU of {name}, us per event, {through}"), &at, 0, values);
    }
    for (name, values) in by_name(&|burst| &burst.peak_mb) {
        row(&format!("peak resident memory, {name}, MB, {through}"), &at, 1, values);
    }
    Ok(())
}
