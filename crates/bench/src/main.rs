//! `cargo xtask bench`: figures of a release build, with the load, the simulator and callout on one machine.
//!
//! In: how much, how often. Out: medians of several runs, as a table for docs/benchmarks.md.
//! Never: fails because a figure is low; figures are read, tests are passed.

mod deployment;
mod fleet;
mod load;
mod process;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};

use crate::{deployment::Deployment, load::Throughput};

// The simulator is measured along with callout, and so runs as it does in the `callout` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures a release build of callout.
#[derive(Debug, Parser)]
struct Args {
    /// One process on SQLite, or a fleet of processes on RabbitMQ and Redis.
    #[arg(long, value_enum, default_value_t = Backend::Embedded)]
    backend: Backend,
    /// Events per throughput run: 40,000 embedded, 20,000 in a fleet.
    #[arg(long)]
    events: Option<usize>,
    /// How many senders a fleet has.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    senders: Vec<usize>,
    /// Throughput runs per provider latency; the median is printed.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Provider latencies, in milliseconds: 0 and 50 embedded, 50 in a fleet, which takes one.
    #[arg(long, value_delimiter = ',')]
    latencies: Option<Vec<u64>>,
    /// How long the steady load of 200 events a second lasts, in seconds.
    #[arg(long, default_value_t = 15)]
    steady_s: u64,
    /// Runs kept for the memory figure.
    #[arg(long, default_value_t = 100_000)]
    held: usize,
    /// The binary; by default the one in this program's directory.
    #[arg(long)]
    callout: Option<PathBuf>,
}

/// The store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// SQLite.
    Embedded,
    /// RabbitMQ and Redis.
    Fleet,
}

/// Events of an embedded burst, if not said otherwise.
const EVENTS: usize = 40_000;
/// Events a second of the steady load.
const STEADY_PER_S: u64 = 200;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let callout = match &args.callout {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("callout"),
    };
    println_line(&format!("machine: {}", process::machine()));
    match args.backend {
        Backend::Embedded => embedded(&args, &callout).await,
        Backend::Fleet => fleet::measure(&args, &callout).await,
    }
}

async fn embedded(args: &Args, callout: &Path) -> Result<()> {
    let events = args.events.unwrap_or(EVENTS);
    let latencies = args.latencies.clone().unwrap_or_else(|| vec![0, 50]);
    println_line("| figure | provider latency | median | spread |");
    println_line("|---|---|---|---|");
    for latency_ms in &latencies {
        let mut results = Vec::new();
        for _ in 0..args.runs {
            let deployment = Deployment::start(callout, *latency_ms).await?;
            results.push(load::throughput(&deployment, events).await?);
            deployment.stop().await?;
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
            deployment.stop().await?;
        }
        row("accepted to POST at 200 events/s, p50 ms", &at, 1, latencies.iter().map(|l| l.p50_ms));
        row("accepted to POST at 200 events/s, p99 ms", &at, 1, latencies.iter().map(|l| l.p99_ms));
        for (floods, name) in [(false, "alone"), (true, "during a flood of 6,000 events/s")] {
            let mut latencies = Vec::new();
            for _ in 0..args.runs.min(3) {
                let deployment = Deployment::start(callout, *latency_ms).await?;
                let lasting = Duration::from_secs(args.steady_s);
                latencies.push(load::quiet(&deployment, lasting, floods).await?);
                deployment.stop().await?;
            }
            row(&format!("a quiet source {name}, p99 ms"), &at, 1, latencies.iter().map(|l| l.p99_ms));
        }
    }
    let deployment = Deployment::start(callout, 0).await?;
    row("resident memory, idle, MB", "-", 1, [deployment.resident_mb()?]);
    let held = load::throughput(&deployment, args.held).await.context("the memory run")?;
    row(&format!("peak resident memory with {} runs, MB", args.held), "0 ms", 1, [held.peak_mb]);
    deployment.stop().await
}

fn row(figure: &str, at: &str, digits: usize, values: impl IntoIterator<Item = f64>) {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return };
    let median = values[values.len() / 2];
    println_line(&format!("| {figure} | {at} | {median:.digits$} | {least:.digits$} to {most:.digits$} |"));
}

#[expect(clippy::print_stdout, reason = "figures are this program's result")]
fn println_line(text: &str) {
    println!("{text}");
}
