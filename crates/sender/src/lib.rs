//! Turns events and dispatch commands into carrier requests. Scaled by running more of it.
//!
//! In: events and `send` commands, lane by lane. Out: opened runs, requests, settled messages.
//! Never: sends what it finds `dispatching`, or answers a delivery before its result is stored.

mod dispatch;
mod doubt;
mod open;
mod poll;
mod work;

use std::{sync::Arc, time::Duration};

use domain::workflow::Lane;
use futures::StreamExt as _;
use ports::{Delivery, Queue};
use shell::{Context, RoleError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How much a sender does at once.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Deliveries of a lane in hand at once, for its events and again for its commands.
    pub in_flight_max: [(Lane, u16); 3],
    /// How long work in hand may take to finish once the sender is told to stop.
    pub drain_max: Duration,
}

impl SenderConfig {
    /// A sender for a carrier that takes so many requests at once: a little more work than that is kept in hand,
    /// so that the carrier never waits for us, and the urgent lanes may have all of it.
    pub fn new(carrier_in_flight_max: u16) -> Self {
        let full = carrier_in_flight_max.saturating_add(carrier_in_flight_max / 2).max(2);
        Self {
            in_flight_max: [(Lane::Critical, full), (Lane::Standard, full), (Lane::Bulk, full / 2)],
            drain_max: Duration::from_secs(15),
        }
    }
}

/// Works until `shutdown`, then finishes what is in hand, within [`SenderConfig::drain_max`].
///
/// # Errors
/// When a queue cannot be consumed.
pub async fn run(
    ctx: Arc<Context>,
    config: SenderConfig,
    shutdown: CancellationToken,
) -> Result<(), RoleError> {
    let tasks = TaskTracker::new();
    for (lane, in_flight_max) in config.in_flight_max {
        for queue in [Queue::Events(lane), Queue::Send(lane)] {
            let deliveries = ctx.bus.consume(queue, in_flight_max).await?;
            let (ctx, shutdown, workers) = (ctx.clone(), shutdown.clone(), tasks.clone());
            tasks.spawn(async move {
                let mut deliveries = deliveries.take_until(Box::pin(shutdown.cancelled()));
                // The prefetch bounds how many of these run at once.
                while let Some(delivery) = deliveries.next().await {
                    workers.spawn(work::work(ctx.clone(), queue, delivery));
                }
            });
        }
    }
    shutdown.cancelled().await;
    tasks.close();
    if tokio::time::timeout(config.drain_max, tasks.wait()).await.is_err() {
        tracing::warn!(left = tasks.len(), "stopped with work in hand; it will be delivered again");
    }
    Ok(())
}

/// Works on one delivery, as [`run`] does. For tests that drive a sender step by step.
pub async fn work_on(ctx: Arc<Context>, queue: Queue, delivery: Delivery) {
    work::work(ctx, queue, delivery).await;
}
