//! One process with live runs. In: how many. Out: its figures.
//!
//! Never: writes to the database while the process has it open.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use embedded::{Embedded, EmbeddedConfig};
use jiff::SignedDuration;
use ports::{Clock as _, Store, SystemClock};

use super::{
    claims,
    column::{COMMANDS, Figures},
    fill::{self, Template},
    load,
};
use crate::{
    args::Args,
    deployment::{Deployment, Extras},
    fleet,
};

/// Measures so many.
pub(super) async fn measure(args: &Args, callout: &Path, runs: usize) -> Result<Figures> {
    let mut figures = Figures::default();
    let workflows = vec![fill::held_workflow(), load::soon_workflow()];
    let latency_ms = fleet::latency_ms(args);
    let extras = Extras { workflows, ..Extras::default() };
    let mut deployment = Deployment::start_with(callout, latency_ms, extras).await?;
    load::open_template(&deployment.door, &deployment.sim).await?;
    deployment.end().await?;
    let empty = size_of(&deployment)?;

    let database = open(&deployment)?;
    let store: Arc<dyn Store> = database.store();
    let template = Arc::new(Template::read(&*store).await?);
    let begun = SystemClock.now();
    let due_of = fill::spread(begun);
    fill::fill(&store, None, &template, 0..runs, due_of).await?;
    let filled_s = SystemClock.now().duration_since(begun).as_secs_f64();
    drop(store);
    database.close().await;
    let full = size_of(&deployment)?;

    let start_ms = deployment.start_again().await?;
    let resident_mb = deployment.resident_mb()?;
    let used = || Ok(BTreeMap::from([("callout", deployment.cpu_s()?)]));
    let lasting = Duration::from_secs(args.steady_s);
    let cost =
        load::measure(&deployment.door, &deployment.sim, latency_ms, lasting, used, &mut figures).await?;
    figures.cost_us = cost.values().sum();
    figures.add("CPU of callout, us per event", 0, figures.cost_us);
    figures.add("disk, bytes per run", 0, (full - empty) / runs as f64);
    figures.add("resident memory after the start, MB", 1, resident_mb);
    figures.add("start to ready, ms", 0, start_ms);
    for args in COMMANDS {
        figures.add_command(&args.join(" "), deployment.operate(args)).await?;
    }
    figures.add("peak resident memory of callout, MB", 1, deployment.peak_mb()?);
    deployment.end().await?;
    let database = open(&deployment)?;
    let due = due_of(runs) + SignedDuration::from_secs(1);
    claims::measure(&*database.store(), due, &mut figures).await?;
    database.close().await;
    figures.add("runs written a second", 0, runs as f64 / filled_s);
    Ok(figures)
}

fn open(deployment: &Deployment) -> Result<Embedded> {
    let config = EmbeddedConfig::new(deployment.database(), BTreeMap::new(), Arc::new(SystemClock));
    Ok(Embedded::open(config)?)
}

fn size_of(deployment: &Deployment) -> Result<f64> {
    Ok(std::fs::metadata(deployment.database())?.len() as f64)
}
