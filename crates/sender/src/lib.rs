//! Turns events and dispatch commands into carrier requests. Scaled by running more of it.
//!
//! In: events and `send` commands, lane by lane. Out: opened runs, requests, settled messages.
//! Never: sends what it finds `dispatching`, or answers a delivery before its result is stored.

mod dispatch;
mod doubt;
mod guard;
mod open;
mod part;
mod places;
mod poll;
mod work;

use std::{sync::Arc, time::Duration};

use domain::share::ShareRates;
use futures::{StreamExt as _, stream::BoxStream};
use ports::{Delivery, Queue};
use shell::{Context, RoleError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    guard::{Guard, Sender},
    part::Part,
    places::{Places, PlacesMax},
};

pub use guard::SenderPace;

/// How much a sender does at once.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Requests that the account may have open at once, through all senders together.
    pub in_flight_max: u16,
    /// What each source may bring at its full urgency.
    pub shares: ShareRates,
    /// How fast the sending number or service may send; as fast as the provider takes it when absent.
    pub pace: Option<SenderPace>,
    /// How long work in hand may take to finish once the sender is told to stop.
    pub drain_max: Duration,
}

impl SenderConfig {
    /// A sender for an account that may have so many requests open.
    pub fn new(in_flight_max: u16, shares: ShareRates, pace: Option<SenderPace>) -> Self {
        Self { in_flight_max, shares, pace, drain_max: Duration::from_secs(15) }
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
    let guard = Guard::new(config.shares, config.pace, shutdown.clone());
    let sender = Sender { guard: Arc::new(guard), ctx };
    let most = PlacesMax::new(config.in_flight_max);
    let lanes = Places::of_lanes(&most);
    let mut pulls = Vec::new();
    // Both queues of a lane share its places.
    for places in &lanes {
        let lane = places.lane();
        for queue in [Queue::Events(lane), Queue::Send(lane)] {
            let deliveries = sender.ctx.bus.consume(queue, most.of(lane)).await?;
            pulls.push((Pull { sender: sender.clone(), queue, places: places.clone() }, deliveries));
        }
    }
    let mut part = Part::new(config.in_flight_max, lanes);
    part.take(&sender.ctx).await;
    for (pull, deliveries) in pulls {
        tasks.spawn(pull.run(deliveries, tasks.clone(), shutdown.clone()));
    }
    part.keep(&sender.ctx, &shutdown).await;
    tasks.close();
    if tokio::time::timeout(config.drain_max, tasks.wait()).await.is_err() {
        tracing::warn!(left = tasks.len(), "stopped with work in hand; it will be delivered again");
    }
    Ok(())
}

/// One queue of one lane.
struct Pull {
    sender: Sender,
    queue: Queue,
    places: Places,
}

impl Pull {
    /// Takes deliveries while there is a place for them and the provider answers. What cannot be sent is left with the
    /// bus: the prefetch bounds how much of it lies here.
    async fn run(
        self,
        deliveries: BoxStream<'static, Delivery>,
        workers: TaskTracker,
        shutdown: CancellationToken,
    ) {
        let lane = self.places.lane();
        let mut deliveries = deliveries.take_until(Box::pin(shutdown.cancelled()));
        while let Some(delivery) = deliveries.next().await {
            let Some(place) = self.places.take().await else { return };
            if !self.sender.guard.wait(&self.sender.ctx, lane, &shutdown).await {
                return;
            }
            let (sender, queue) = (self.sender.clone(), self.queue);
            workers.spawn(async move {
                work::work(&sender, queue, lane, delivery).await;
                drop(place);
            });
        }
    }
}
