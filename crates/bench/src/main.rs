//! `cargo xtask bench`: figures of a release build, with the load, the simulator and callout on one machine.
//!
//! In: how much, how often. Out: medians of several runs, as a table for docs/benchmarks.md.
//! Never: fails because a figure is low; figures are read, tests are passed.

mod args;
mod beside;
mod deployment;
mod door;
mod figures;
mod fleet;
mod load;
mod outcomes;
mod process;
mod scale;
mod sealed;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Parser as _;

use crate::{
    args::{Args, Backend, EVENTS},
    deployment::{Deployment, Extras},
    door::{PAGER, QUIET},
    figures::{STEADY_PER_S, println_line, row},
    load::Throughput,
};

// The simulator is measured along with callout, and so runs as it does in the `callout` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events whose outcomes are told.
const TOLD: usize = 10_000;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let callout = match &args.callout {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("callout"),
    };
    println_line(&format!("machine: {}", process::machine()));
    let is_fleet = args.backend == Backend::Fleet;
    ensure!(
        !is_fleet || !(args.siege || args.flood || args.outcomes),
        "--siege, --flood and --outcomes measure one process; leave out --backend fleet"
    );
    ensure!(is_fleet || !args.redis_cluster, "--redis-cluster is for a fleet; add --backend fleet");
    if let Some(beside) = args.beside {
        return beside::measure(beside, &args, &callout).await;
    }
    if args.sealed {
        return sealed::measure(&args, &callout).await;
    }
    if !args.scale.is_empty() {
        return scale::measure(&args, &callout).await;
    }
    match args.backend {
        Backend::Embedded => embedded(&args, &callout).await,
        Backend::Fleet => fleet::measure(&args, &callout).await,
    }
}

/// What idle and half requests of others cost a caller, with 1,024 open files for callout.
async fn besieged(callout: &Path, lasting: Duration, runs: usize) -> Result<()> {
    let (mut answers, mut texts, mut callbacks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let deployment =
            Deployment::start_with(callout, 0, Extras { files: Some(1_024), ..Extras::default() }).await?;
        let [answer, text, callback] = load::besieged(&deployment, STEADY_PER_S, lasting).await?;
        answers.push(answer.p99_ms);
        texts.push(text.p99_ms);
        callbacks.push(callback.p99_ms);
        drop(deployment);
    }
    let who = format!("beside {} silent clients, p99 ms", load::LAZY_CLIENTS);
    row(&format!("request to 202 at 200 events/s {who}"), "0 ms", 1, answers);
    row(&format!("accepted to POST at 200 events/s {who}"), "0 ms", 1, texts);
    row(&format!("callback to its answer at 200 events/s {who}"), "0 ms", 1, callbacks);
    Ok(())
}

/// What a flood in the standard lane costs a source that sends little there, and one that pages.
async fn flooded(args: &Args, callout: &Path, latency_ms: u64) -> Result<()> {
    let (at, lasting) = (format!("{latency_ms} ms"), Duration::from_secs(args.steady_s));
    for (who, whose) in [(QUIET, "a quiet source"), (PAGER, "a critical lane")] {
        for (floods, name) in [(false, "alone"), (true, "during a flood of 6,000 events/s")] {
            let mut latencies = Vec::new();
            for _ in 0..args.runs.min(3) {
                let deployment = Deployment::start(callout, latency_ms).await?;
                latencies.push(load::quiet(&deployment, who, lasting, floods).await?);
                drop(deployment);
            }
            row(&format!("{whose} {name}, p99 ms"), &at, 1, latencies.iter().map(|l| l.p99_ms));
        }
    }
    Ok(())
}

async fn embedded(args: &Args, callout: &Path) -> Result<()> {
    let events = args.events.unwrap_or(EVENTS);
    let latencies = args.latencies.clone().unwrap_or_else(|| vec![0, 50]);
    println_line("| figure | provider latency | median | spread |");
    println_line("|---|---|---|---|");
    if args.siege {
        return besieged(callout, Duration::from_secs(args.steady_s), args.runs.min(3)).await;
    }
    if args.flood {
        for latency_ms in latencies {
            flooded(args, callout, latency_ms).await?;
        }
        return Ok(());
    }
    if args.outcomes {
        let (events, lasting) = (args.events.unwrap_or(TOLD), Duration::from_secs(args.steady_s));
        return outcomes::measure(callout, events, lasting, args.runs.min(3)).await;
    }
    for latency_ms in &latencies {
        let mut results = Vec::new();
        for _ in 0..args.runs {
            let deployment = Deployment::start(callout, *latency_ms).await?;
            results.push(load::throughput(&deployment, events).await?);
            drop(deployment);
        }
        let at = format!("{latency_ms} ms");
        row("events/s", &at, 0, results.iter().map(|r: &Throughput| r.events_per_s));
        row("CPU of callout, us per event", &at, 0, results.iter().map(|r| r.cpu_us_per_event));
        row("peak resident memory, MB", &at, 1, results.iter().map(|r| r.peak_mb));

        let mut latencies = Vec::new();
        for _ in 0..args.runs.min(3) {
            let deployment = Deployment::start(callout, *latency_ms).await?;
            latencies
                .push(load::steady(&deployment, STEADY_PER_S, Duration::from_secs(args.steady_s)).await?);
            drop(deployment);
        }
        row("accepted to POST at 200 events/s, p50 ms", &at, 1, latencies.iter().map(|l| l.p50_ms));
        row("accepted to POST at 200 events/s, p99 ms", &at, 1, latencies.iter().map(|l| l.p99_ms));
        flooded(args, callout, *latency_ms).await?;
    }
    besieged(callout, Duration::from_secs(args.steady_s), args.runs.min(3)).await?;
    outcomes::measure(callout, TOLD, Duration::from_secs(args.steady_s), args.runs.min(3)).await?;
    let deployment = Deployment::start(callout, 0).await?;
    row("resident memory, idle, MB", "-", 1, [deployment.resident_mb()?]);
    let held = load::throughput(&deployment, args.held).await.context("the memory run")?;
    row(&format!("peak resident memory with {} runs, MB", args.held), "0 ms", 1, [held.peak_mb]);
    Ok(())
}
