//! A fleet with live runs. In: how many. Out: its figures.
//!
//! Never: more than one sender.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use ports::{Bus, Clock as _, Store, SystemClock};
use store_redis::{RedisConfig, RedisStore};
use twilio_sim::View;

use super::{
    claims,
    column::{COMMANDS, Figures},
    fill::{self, Template},
    load,
};
use crate::{
    args::{Args, IN_FLIGHT_MAX},
    fleet::{
        self,
        deployment::{Fleet, LOAD, Size},
    },
    load::PATIENCE,
};

/// Deadlines that pass at one moment.
const AT_ONCE: usize = 6_000;
/// The numbers of their runs, beyond those of all others.
const AT_ONCE_FROM: usize = 5_000_000;
/// How long writing them takes at most, in seconds.
const AT_ONCE_AFTER_S: i64 = 20;

/// Measures so many.
pub(super) async fn measure(args: &Args, callout: &Path, runs: usize) -> Result<Figures> {
    let mut figures = Figures::default();
    let latency_ms = fleet::latency_ms(args);
    let size = Size {
        senders: 1,
        in_flight_max: IN_FLIGHT_MAX,
        latency_ms,
        is_sealed: false,
        is_redis_cluster: false,
    };
    let mut running =
        Fleet::start_with(callout, size, &[fill::held_workflow(), load::soon_workflow()]).await?;
    load::open_template(&running.door, &running.sim).await?;
    let config = RedisConfig::new(&running.redis()?.url, Arc::new(SystemClock));
    let store: Arc<dyn Store> = RedisStore::connect(config).await?;
    let bus: Arc<dyn Bus> = running.bus.clone();
    let template = Arc::new(Template::read(&*store).await?);
    let empty = used_memory(&running)?;

    let begun = SystemClock.now();
    let due_of = fill::spread(begun);
    fill::fill(&store, Some(&bus), &template, 0..runs, due_of).await?;
    let filled_s = SystemClock.now().duration_since(begun).as_secs_f64();
    let full = used_memory(&running)?;

    let start_ms = running.restart("escalation").await?;
    let lasting = Duration::from_secs(args.steady_s);
    let used = || running.cpu_s();
    let cost = load::measure(&running.door, &running.sim, latency_ms, lasting, used, &mut figures).await?;
    figures.cost_us = cost.iter().filter(|(name, _)| **name != LOAD).map(|(_, used)| used).sum();
    for (name, used) in cost {
        figures.add(format!("CPU of {name}, us per event"), 0, used);
    }
    figures.add("memory of Redis, bytes per run", 0, (full - empty) / runs as f64);
    let (ours_mb, broker_mb) = running.resident_mb()?;
    figures.add("resident memory of all of callout's processes, MB", 1, ours_mb);
    figures.add("resident memory of RabbitMQ, MB", 1, broker_mb);
    figures.add("start to ready of an escalation worker, ms", 0, start_ms);
    for args in COMMANDS {
        figures.add_command(&args.join(" "), running.operate(args)).await?;
    }
    let at_once_s = at_once_s(&running, &store, &bus, &template).await?;
    figures.add(format!("{AT_ONCE} deadlines at one moment to the last POST, s"), 1, at_once_s);
    claims::measure(&*store, due_of(runs) + SignedDuration::from_secs(1), &mut figures).await?;
    figures.add("runs written a second", 0, runs as f64 / filled_s);
    running.stop().await?;
    Ok(figures)
}

/// From the moment at which [`AT_ONCE`] deadlines pass until the last text of the next step is at the provider, in seconds.
async fn at_once_s(
    running: &Fleet,
    store: &Arc<dyn Store>,
    bus: &Arc<dyn Bus>,
    template: &Arc<Template>,
) -> Result<f64> {
    let before = running.sim.view(|view| view.accepted());
    let due = Timestamp::from_second(SystemClock.now().as_second() + AT_ONCE_AFTER_S)?;
    fill::fill(store, Some(bus), template, AT_ONCE_FROM..AT_ONCE_FROM + AT_ONCE, move |_| due).await?;
    anyhow::ensure!(SystemClock.now() < due, "writing {AT_ONCE} runs took too long");
    let all = |view: &View<'_>| view.accepted() >= before + AT_ONCE as u64;
    running.sim.wait_until(all, PATIENCE).await.context("the texts of the next step")?;
    Ok(SystemClock.now().duration_since(due).as_secs_f64())
}

/// What Redis says that its data take, in bytes.
fn used_memory(running: &Fleet) -> Result<f64> {
    let info = running.redis()?.ask(&["INFO", "memory"]);
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.context("Redis says what memory it uses")?.trim().parse()?)
}
