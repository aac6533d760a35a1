//! `cargo xtask chaos`: a run of chaos from the command line.
//!
//! In: how much, and a seed. Out: the report on standard output, progress on standard error; exit 1 if anything was
//! lost, doubled or left unexplained.
//! Never: decides what is an offence; the library does.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use chaos::Plan;
use clap::Parser;
use indicatif::ProgressBar;

/// Kills a fleet of callout processes, RabbitMQ and Redis at random moments, and checks that nothing was lost or doubled.
#[derive(Debug, Parser)]
struct Args {
    /// What chance is drawn from; the same seed kills the same processes at the same moments.
    #[arg(long)]
    seed: Option<u64>,
    /// Events that are sent, spread evenly over the kills.
    #[arg(long)]
    events: Option<usize>,
    /// Processes that are killed, one every two seconds.
    #[arg(long)]
    kills: Option<usize>,
    /// How often RabbitMQ is killed and started again.
    #[arg(long)]
    broker_restarts: Option<usize>,
    /// How often Redis is killed and started again.
    #[arg(long)]
    store_restarts: Option<usize>,
    /// Three primaries of a Redis Cluster, killed in turns, instead of one server.
    #[arg(long)]
    redis_cluster: bool,
    /// The run that is part of the tests: 1,000 events, 8 kills, one restart of each server, no recovery figures.
    #[arg(long)]
    short: bool,
    /// The binary; by default the one in this program's directory.
    #[arg(long)]
    callout: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let callout = match &args.callout {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("callout"),
    };
    let mut plan = if args.short { Plan::short(callout) } else { Plan::full(callout) };
    plan.seed = args.seed.unwrap_or(plan.seed);
    plan.events = args.events.unwrap_or(plan.events);
    plan.kills = args.kills.unwrap_or(plan.kills);
    plan.broker_restarts = args.broker_restarts.unwrap_or(plan.broker_restarts);
    plan.is_redis_cluster = args.redis_cluster;
    plan.store_restarts = args.store_restarts.unwrap_or(plan.store_restarts);
    let report = if std::io::stderr().is_terminal() {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        let report = chaos::run(&plan, &|what| bar.set_message(what.to_owned())).await;
        bar.finish_and_clear();
        report?
    } else {
        chaos::run(&plan, &say).await?
    };
    print(&report.to_string());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stderr, reason = "progress goes to standard error")]
fn say(what: &str) {
    eprintln!("chaos: {what}");
}

#[expect(clippy::print_stdout, reason = "the report is this program's result")]
fn print(report: &str) {
    println!("{report}");
}
