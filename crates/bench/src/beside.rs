//! callout beside what a team would write instead. In: the binary, the scripts' packages, how much, how often. Out: the
//! ratio, and rows with the figures of both.
//!
//! Never: compares runs of different hours: each run of the scripts is followed by one of callout.

mod kills;
mod scripts;
mod side;

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use ports::{Clock as _, SystemClock};
use twilio_sim::{FaultPlan, Status};

use self::{
    scripts::Wanted,
    side::{Running, Side},
};
use crate::{
    args::{Args, Backend, Beside},
    figures::{println_line, row},
    fleet::{self, latency_ms},
    load::{PATIENCE, all_stored},
};

/// What one burst cost.
struct Burst {
    /// From the first request to the last stored status; to the last text where there are no callbacks.
    events_per_s: f64,
    /// CPU microseconds per event, by process.
    cpu_us: BTreeMap<&'static str, f64>,
}

/// Measures both in turns.
pub(crate) async fn measure(beside: Beside, args: &Args, callout: &Path) -> Result<()> {
    let ours_is = match args.backend {
        Backend::Embedded => "callout, embedded",
        Backend::Fleet => "callout, a fleet",
    };
    if args.kills > 0 {
        return kills::measure(beside, args, callout, ours_is).await;
    }
    let wanted = Wanted { in_flight_max: args.in_flight_max, is_bare: args.bare, on_doubt: "send" };
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..args.runs {
        for (side, bursts) in [(Side::Scripts(beside), &mut theirs), (Side::Callout, &mut ours)] {
            bursts.push(burst(side, args, callout, &wanted).await?);
        }
    }
    println_line("| figure | of | median | spread |");
    println_line("|---|---|---|---|");
    let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.events_per_s / theirs.events_per_s);
    row("events/s, each run beside its neighbour", &format!("{ours_is} : {}", beside.name()), 2, ratios);
    for (name, bursts) in [(ours_is, &ours), (beside.name(), &theirs)] {
        row("events/s", name, 0, bursts.iter().map(|burst| burst.events_per_s));
        let all = bursts.iter().map(|burst| burst.cpu_us.values().sum());
        row("CPU of all but simulator and load, us per event", name, 0, all);
        let processes = bursts.first().into_iter().flat_map(|burst| burst.cpu_us.keys());
        for process in processes.filter(|_| bursts.iter().any(|burst| burst.cpu_us.len() > 1)) {
            let used = bursts.iter().filter_map(|burst| burst.cpu_us.get(process).copied());
            row(&format!("CPU of {process}, us per event"), name, 0, used);
        }
    }
    Ok(())
}

/// As many events as fast as they are taken.
async fn burst(side: Side, args: &Args, callout: &Path, wanted: &Wanted) -> Result<Burst> {
    let events = args.events.unwrap_or(fleet::EVENTS);
    let rate_callback_lost = if wanted.is_bare { 1.0 } else { 0.0 };
    let faults = FaultPlan { latency_ms: latency_ms(args), rate_callback_lost, ..FaultPlan::default() };
    let running = Running::start(side, args, callout, wanted, faults).await?;
    let (cpu, begun) = (running.cpu_s()?, SystemClock.now());
    running.door().post_all(0..events).await?;
    if wanted.is_bare {
        let all = events as u64;
        running.sim().wait_until(|view| view.with_status(Status::Delivered) == all, PATIENCE).await?;
    } else {
        all_stored(running.sim(), events).await?;
    }
    let seconds = SystemClock.now().duration_since(begun).as_secs_f64();
    let mut cpu_us = running.cpu_s()?;
    for (name, used) in &mut cpu_us {
        *used = (*used - cpu.get(name).copied().unwrap_or_default()) * 1e6 / events as f64;
    }
    running.stop().await?;
    Ok(Burst { events_per_s: events as f64 / seconds, cpu_us })
}
