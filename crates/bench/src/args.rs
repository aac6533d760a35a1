//! The benchmark's arguments.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Events of an embedded burst, if not said otherwise.
pub(crate) const EVENTS: usize = 40_000;

/// Requests that callout keeps open at once, if not said otherwise, of which the lowest lane may have three quarters: enough for
/// 50 ms of latency at the aimed rate.
pub(crate) const IN_FLIGHT_MAX: usize = 480;

/// Measures a release build of callout.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// One process on SQLite, or a fleet of processes on RabbitMQ and Redis.
    #[arg(long, value_enum, default_value_t = Backend::Embedded)]
    pub(crate) backend: Backend,
    /// A fleet's store is on three primaries of a Redis Cluster.
    #[arg(long)]
    pub(crate) redis_cluster: bool,
    /// Events per throughput run: 40,000 embedded, 20,000 in a fleet.
    #[arg(long)]
    pub(crate) events: Option<usize>,
    /// How many senders a fleet has.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    pub(crate) senders: Vec<usize>,
    /// Throughput runs per provider latency; the median is printed.
    #[arg(long, default_value_t = 5)]
    pub(crate) runs: usize,
    /// Provider latencies, in milliseconds: 0 and 50 embedded, 50 in a fleet, which takes one.
    #[arg(long, value_delimiter = ',')]
    pub(crate) latencies: Option<Vec<u64>>,
    /// How long the steady load of 200 events a second lasts, in seconds.
    #[arg(long, default_value_t = 15)]
    pub(crate) steady_s: u64,
    /// Runs kept for the memory figure.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) held: usize,
    /// Measure beside silent clients alone.
    #[arg(long)]
    pub(crate) siege: bool,
    /// Measure what a flood of one source does to others, alone.
    #[arg(long, conflicts_with = "siege")]
    pub(crate) flood: bool,
    /// Measure outcomes beside a destination that hangs, alone: 10,000 events if not said otherwise.
    #[arg(long, conflicts_with_all = ["siege", "flood"])]
    pub(crate) outcomes: bool,
    /// Measure what encryption at rest costs, alone: alternating runs without and with a key, of one sender in a fleet.
    #[arg(long, conflicts_with_all = ["siege", "flood", "outcomes"])]
    pub(crate) sealed: bool,
    /// Measure with so many live runs, alone: the cost of an event, timers, start-up, commands, and the memory of a run.
    #[arg(long, value_delimiter = ',', value_name = "RUNS", conflicts_with_all = ["siege", "flood", "outcomes", "sealed"])]
    pub(crate) scale: Vec<usize>,
    /// Measure callout beside what a team would write instead, alone: alternating runs, of one sender in a fleet.
    #[arg(long, value_enum, requires = "packages", conflicts_with_all = ["siege", "flood", "outcomes", "sealed", "scale"])]
    pub(crate) beside: Option<Beside>,
    /// Beside something else: the provider posts no callbacks, and nobody waits for any.
    #[arg(long, requires = "beside")]
    pub(crate) bare: bool,
    /// Beside something else: kill what sends so many times, and count texts that were lost and doubled.
    #[arg(long, requires = "beside", conflicts_with = "bare", default_value_t = 0)]
    pub(crate) kills: usize,
    /// What the moments of kills are drawn from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Beside something else: requests to the provider that each may have open at once.
    #[arg(long, default_value_t = IN_FLIGHT_MAX)]
    pub(crate) in_flight_max: usize,
    /// Where the packages and scripts of what stands beside are installed; `cargo xtask bench` names it.
    #[arg(long, hide = true)]
    pub(crate) packages: Option<PathBuf>,
    /// The binary; by default the one in this program's directory.
    #[arg(long)]
    pub(crate) callout: Option<PathBuf>,
}

/// What callout is measured beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Beside {
    /// BullMQ, a queue library for Node.js on Redis, with scripts of ours in `crates/bench/beside/bullmq`.
    Bullmq,
    /// Celery, a task queue for Python on Redis, with scripts of ours in `crates/bench/beside/celery`.
    Celery,
}

impl Beside {
    /// Its name, as its makers write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bullmq => "BullMQ",
            Self::Celery => "Celery",
        }
    }
}

/// The store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// SQLite.
    Embedded,
    /// RabbitMQ and Redis.
    Fleet,
}
