//! `cargo xtask chaos`: a run of chaos from the command line.
//!
//! In: how much, and a seed. Out: the report on standard output, progress on standard error; exit 1 if anything was
//! lost, doubled or left unexplained.
//! Never: decides what is an offence; the library does.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use chaos::{Plan, Report, Soak};
use clap::{Parser, Subcommand};
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
    #[arg(long, global = true)]
    callout: Option<PathBuf>,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Keep a fleet under steady load, with rare faults, kills, a rolling restart, a reload and a rotation of the provider's
    /// token, and check that nothing is lost or doubled, and that memory and delays stay what they were.
    Soak {
        /// How long events come in.
        #[arg(long, default_value_t = 60)]
        minutes: u64,
        /// Events a second.
        #[arg(long, default_value_t = 300)]
        rate: u32,
        /// What chance is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let callout = match &args.callout {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("callout"),
    };
    let report = if std::io::stderr().is_terminal() {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        let report = run(args, callout, &|what| bar.set_message(what.to_owned())).await;
        bar.finish_and_clear();
        report?
    } else {
        run(args, callout, &say).await?
    };
    print(&report.to_string());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(args: Args, callout: PathBuf, say: &(dyn Fn(&str) + Sync)) -> Result<Report> {
    if let Some(Mode::Soak { minutes, rate, seed }) = args.mode {
        return chaos::run_soak(&Soak::new(callout, minutes, rate, seed), say).await;
    }
    let mut plan = if args.short { Plan::short(callout) } else { Plan::full(callout) };
    plan.seed = args.seed.unwrap_or(plan.seed);
    plan.events = args.events.unwrap_or(plan.events);
    plan.kills = args.kills.unwrap_or(plan.kills);
    plan.broker_restarts = args.broker_restarts.unwrap_or(plan.broker_restarts);
    plan.is_redis_cluster = args.redis_cluster;
    plan.store_restarts = args.store_restarts.unwrap_or(plan.store_restarts);
    chaos::run(&plan, say).await
}

#[expect(clippy::print_stderr, reason = "progress goes to standard error")]
fn say(what: &str) {
    eprintln!("chaos: {what}");
}

#[expect(clippy::print_stdout, reason = "the report is this program's result")]
fn print(report: &str) {
    println!("{report}");
}
