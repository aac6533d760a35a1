//! Memory of processes and servers over time. In: the running fleet. Out: samples, and what they say.
//!
//! Never: compares a process that has just started with one that is warm, or fails a run because a figure is high.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use ports::{AuditStore as _, Clock as _, SystemClock};
use test_servers::memory_mb;

use crate::{fleet::Fleet, report::Report};

/// Samples in the whole time, but for the bounds of what lies between two.
const SAMPLES: u32 = 240;
const SAMPLE_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
const SAY_EVERY: Duration = Duration::from_secs(60);
/// The share of the time, or of a process' life, in which it warms up.
const WARM_UP: f64 = 0.05;
/// How much more memory a role may have at the end than at the beginning for "flat"; asked of a soak that is long enough
/// for processes to be warm in its first tenth.
const FLAT_BELOW: f64 = 1.15;
const FLAT_FROM: Duration = Duration::from_secs(30 * 60);

/// All samples.
pub(super) struct Gauges {
    begin: Timestamp,
    lasting: Duration,
    processes: Vec<Process>,
    servers: Vec<Servers>,
}

/// One process at one moment.
struct Process {
    at: Timestamp,
    role: &'static str,
    pid: u32,
    mb: f64,
}

/// Both servers at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Servers {
    at: Timestamp,
    /// `used_memory`.
    pub(super) redis_mb: f64,
    pub(super) keys: u64,
    /// Runs that the store holds: none is old enough to be removed within a soak.
    pub(super) runs: u64,
    /// Resident memory of its processes.
    pub(super) broker_mb: f64,
}

impl Servers {
    pub(super) fn bytes_for_each_more_run(&self, before: Self) -> String {
        let runs = self.runs.saturating_sub(before.runs);
        if runs == 0 {
            return String::new();
        }
        format!("{:.0}", (self.redis_mb - before.redis_mb) * 1e6 / runs as f64)
    }
}

/// Samples until the time is over, and says once a minute how it goes.
pub(super) async fn watch(
    fleet: &Fleet,
    begin: Timestamp,
    lasting: Duration,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Gauges> {
    let mut gauges = Gauges { begin, lasting, processes: Vec::new(), servers: Vec::new() };
    let every = (lasting / SAMPLES).clamp(SAMPLE_AFTER.0, SAMPLE_AFTER.1);
    let (mut after, mut said) = (Duration::ZERO, Duration::ZERO);
    while after <= lasting {
        SystemClock.sleep_until(begin + SignedDuration::try_from(after)?).await;
        gauges.sample_processes(fleet);
        // A server that is away just now has no sample.
        gauges.servers.extend(sample_servers(fleet).await);
        if after >= said + SAY_EVERY {
            said = after;
            say(&gauges.progress(fleet, after));
        }
        after += every;
    }
    Ok(gauges)
}

async fn sample_servers(fleet: &Fleet) -> Option<Servers> {
    let (redis, broker) = (fleet.redis.clone(), fleet.broker.clone());
    let memory = tokio::task::spawn_blocking(move || {
        let broker = broker.processes().into_iter().filter_map(|pid| memory_mb(pid, "VmRSS").ok());
        Some((redis.memory()?, broker.reduce(|sum, mb| sum + mb)?))
    });
    let ((redis_mb, keys), broker_mb) = memory.await.ok().flatten()?;
    let counts = fleet.store().await.ok()?.audit_counts().await.ok()?;
    Some(Servers { at: SystemClock.now(), redis_mb, keys, runs: counts.runs.values().sum(), broker_mb })
}

impl Gauges {
    fn sample_processes(&mut self, fleet: &Fleet) {
        let at = SystemClock.now();
        for worker in &fleet.workers {
            let Some(pid) = worker.pid() else { continue };
            // One that has just died has no memory.
            if let Ok(mb) = memory_mb(pid, "VmRSS") {
                self.processes.push(Process { at, role: worker.role, pid, mb });
            }
        }
    }

    fn progress(&self, fleet: &Fleet, after: Duration) -> String {
        let provider = fleet.sim.report();
        let mut line = format!(
            "{} of {} min: {} texts at the provider, {} sent twice, {} callbacks given up;",
            after.as_secs() / 60,
            self.lasting.as_secs() / 60,
            provider.accepted,
            provider.duplicates_total,
            provider.callbacks.failed
        );
        if let Some(now) = self.servers.last() {
            let _ = write!(line, " Redis {:.0} MB for {} runs,", now.redis_mb, now.runs);
        }
        let last = self.processes.last().map(|process| process.at);
        let mut by_role: BTreeMap<&str, f64> = BTreeMap::new();
        for process in self.processes.iter().filter(|process| Some(process.at) == last) {
            let most = by_role.entry(process.role).or_default();
            *most = most.max(process.mb);
        }
        let by_role = by_role.iter().map(|(role, mb)| format!("{role} {mb:.0} MB"));
        line + " at most " + &by_role.collect::<Vec<_>>().join(", ")
    }

    /// What the servers had just before a moment.
    pub(super) fn servers_before(&self, at: Timestamp) -> Option<Servers> {
        self.servers.iter().rev().find(|servers| servers.at <= at).copied()
    }

    /// Puts the memory of each role into the report: the first tenth after warming up beside the last one, and the process
    /// that lived longest, at its beginning and at its end.
    pub(super) fn tell(&self, report: &mut Report) {
        let mut table = "| role | resident memory in the first tenth, MB | in the last tenth, MB | longest life of a process, min | in it after warming up, MB | in it at its end, MB |\n\
                         |---|---|---|---|---|---|\n"
            .to_owned();
        let aim = (self.lasting >= FLAT_FROM).then_some(FLAT_BELOW);
        let roles: BTreeSet<&str> = self.processes.iter().map(|p| p.role).collect();
        for role in roles {
            let of_role: Vec<&Process> = self.processes.iter().filter(|p| p.role == role).collect();
            let share =
                |p: &Process| p.at.duration_since(self.begin).as_secs_f64() / self.lasting.as_secs_f64();
            let mean_in = |from: f64, to: f64| {
                mean(of_role.iter().filter(|p| share(p) >= from && share(p) <= to).map(|p| p.mb))
            };
            let (first, last) = (mean_in(WARM_UP, 0.1), mean_in(0.9, 1.0));
            let _ = write!(table, "| {role} | {first:.1} | {last:.1} |");
            let life = longest_life(&of_role);
            let lived_s = lived_s(&life);
            let parts = |from: f64, to: f64| {
                let begun = life.first().map_or(self.begin, |p| p.at);
                let share = |p: &Process| p.at.duration_since(begun).as_secs_f64() / lived_s.max(1.0);
                mean(life.iter().filter(|p| share(p) >= from && share(p) <= to).map(|p| p.mb))
            };
            let (young, old) = (parts(WARM_UP, 0.2), parts(0.9, 1.0));
            let _ = writeln!(table, " {:.1} | {young:.1} | {old:.1} |", lived_s / 60.0);
            report.ratio(&format!("memory of {role}, last tenth : first tenth"), last / first, aim);
        }
        report.tables.push(table);
    }
}

fn longest_life<'a>(processes: &[&'a Process]) -> Vec<&'a Process> {
    let mut lives: BTreeMap<u32, Vec<&Process>> = BTreeMap::new();
    for process in processes {
        lives.entry(process.pid).or_default().push(process);
    }
    lives.into_values().max_by(|a, b| lived_s(a).total_cmp(&lived_s(b))).unwrap_or_default()
}

fn lived_s(life: &[&Process]) -> f64 {
    let (first, last) = (life.first(), life.last());
    first.zip(last).map_or(0.0, |(first, last)| last.at.duration_since(first.at).as_secs_f64())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}
