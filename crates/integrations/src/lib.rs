//! Carries outcomes out: opens tickets, tells webhooks and chats. Scaled by running more of it.
//!
//! In: effects that wait in the store. Out: requests to destinations; tickets, back into their runs; dead letters.
//! Never: holds up a text, or one destination because of another: each has its own rows, requests and circuit breaker.

mod carry_out;
mod destination;
mod destination_worker;
mod integrations_ports;
mod orphans;

use std::{sync::Arc, time::Duration};

use ports::within;
use runtime::RoleError;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::destination_worker::DestinationWorker;

pub use crate::{destination::Destination, integrations_ports::IntegrationsPorts};

/// How long requests under way may take to finish once the role is told to stop.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// Works until `shutdown`, then finishes what is under way. What is not finished is taken again when its lease ends.
///
/// Other destinations are worked for as soon as they are sent; requests under way to the former ones are finished.
///
/// # Errors
/// None: a store that fails is asked again. The type is that of every role.
pub async fn run(
    ports: Arc<IntegrationsPorts>,
    mut destinations: watch::Receiver<Arc<Vec<Destination>>>,
    shutdown: CancellationToken,
) -> Result<(), RoleError> {
    let tasks = TaskTracker::new();
    while !shutdown.is_cancelled() {
        let replaced = shutdown.child_token();
        let present = destinations.borrow_and_update().clone();
        for destination in present.iter() {
            let worker = DestinationWorker::new(ports.clone(), destination.clone());
            tasks.spawn(worker.run(replaced.clone()));
        }
        let known = present.iter().map(|destination| destination.name.clone()).collect();
        tasks.spawn(orphans::watch(ports.clone(), known, replaced.clone()));
        tokio::select! {
            Ok(()) = destinations.changed() => {}
            () = shutdown.cancelled() => {}
        }
        replaced.cancel();
    }
    tasks.close();
    if within(&*ports.clock, DRAIN_MAX, tasks.wait()).await.is_none() {
        tracing::warn!(left = tasks.len(), "stopped with requests under way; their effects come back");
    }
    Ok(())
}
