//! What encryption at rest costs. In: the binary, how much, how often. Out: rows, and how the medians compare.
//!
//! Never: compares runs of different hours: one without a key is followed by one with.

use std::path::Path;

use anyhow::Result;

use crate::{
    args::{Args, Backend, EVENTS, IN_FLIGHT_MAX},
    deployment::{Deployment, Extras},
    figures::{median, println_line, row},
    fleet::{
        self,
        deployment::{Fleet, Ingress, LOAD, Size},
    },
    load,
};

/// What one burst cost callout, all its processes together.
struct Cost {
    events_per_s: f64,
    cpu_us: f64,
}

/// One of its figures.
type Figure = fn(&Cost) -> f64;

/// Measures bursts without and with a key.
pub(crate) async fn measure(args: &Args, callout: &Path) -> Result<()> {
    let (mut plain, mut sealed) = (Vec::new(), Vec::new());
    for _ in 0..args.runs {
        for (is_sealed, costs) in [(false, &mut plain), (true, &mut sealed)] {
            costs.push(match args.backend {
                Backend::Embedded => embedded(args, callout, is_sealed).await?,
                Backend::Fleet => fleet(args, callout, is_sealed).await?,
            });
        }
    }
    println_line("| figure | encrypted | median | spread |");
    println_line("|---|---|---|---|");
    let figures: [(&str, Figure); 2] =
        [("events/s", |cost| cost.events_per_s), ("CPU of callout, us per event", |cost| cost.cpu_us)];
    for (figure, of) in figures {
        row(figure, "no", 0, plain.iter().map(of));
        row(figure, "yes", 0, sealed.iter().map(of));
        let ratio = median(sealed.iter().map(of)) / median(plain.iter().map(of));
        println_line(&format!("| {figure}, with a key beside without | | {ratio:.2} | |"));
    }
    Ok(())
}

async fn embedded(args: &Args, callout: &Path, is_sealed: bool) -> Result<Cost> {
    let latency_ms = args.latencies.as_ref().and_then(|latencies| latencies.first().copied()).unwrap_or(50);
    let extras = Extras { is_sealed, ..Extras::default() };
    let deployment = Deployment::start_with(callout, latency_ms, extras).await?;
    let burst = load::throughput(&deployment, args.events.unwrap_or(EVENTS)).await?;
    Ok(Cost { events_per_s: burst.events_per_s, cpu_us: burst.cpu_us_per_event })
}

async fn fleet(args: &Args, callout: &Path, is_sealed: bool) -> Result<Cost> {
    let (in_flight_max, latency_ms) = (IN_FLIGHT_MAX, fleet::latency_ms(args));
    let running = Fleet::start(
        callout,
        Size { senders: 1, in_flight_max, latency_ms, is_sealed, is_redis_cluster: args.redis_cluster },
    )
    .await?;
    let burst = fleet::load::burst(&running, args.events.unwrap_or(fleet::EVENTS), Ingress::Exchange).await?;
    running.stop().await?;
    let ours = |(name, _): &(&&str, &f64)| !["RabbitMQ", "Redis", LOAD].contains(*name);
    let cpu_us = burst.cpu_us.iter().filter(ours).map(|(_, used)| used).sum();
    Ok(Cost { events_per_s: burst.events_per_s, cpu_us })
}
