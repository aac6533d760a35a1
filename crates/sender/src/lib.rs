//! Turns events and dispatch commands into carrier requests. Scaled by running more of it.
//!
//! In: events and `send` commands, lane by lane. Out: opened runs, requests, settled messages.
//! Never: sends what it finds `dispatching`, or answers a delivery before its result is stored.

mod dispatch;
mod doubt;
mod guard;
mod open;
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
    places::Places,
};

pub use guard::SenderPace;
pub use places::PlacesMax;

/// How much a sender does at once.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Deliveries in hand at once.
    pub places: PlacesMax,
    /// What each source may bring at its full urgency.
    pub shares: ShareRates,
    /// How fast the sending number or service may send; as fast as the provider takes it when absent.
    pub pace: Option<SenderPace>,
    /// How long work in hand may take to finish once the sender is told to stop.
    pub drain_max: Duration,
}

impl SenderConfig {
    /// A sender for a carrier that takes so many requests at once.
    pub fn new(carrier_in_flight_max: u16, shares: ShareRates, pace: Option<SenderPace>) -> Self {
        Self {
            places: PlacesMax::new(carrier_in_flight_max),
            shares,
            pace,
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
    let guard = Guard::new(config.shares, config.pace, shutdown.clone());
    let sender = Sender { guard: Arc::new(guard), ctx };
    // Both queues of a lane share its places.
    for places in Places::of_lanes(&config.places) {
        let lane = places.lane();
        let prefetch = config.places.prefetch(lane);
        for queue in [Queue::Events(lane), Queue::Send(lane)] {
            let deliveries = sender.ctx.bus.consume(queue, prefetch).await?;
            let pull = Pull { sender: sender.clone(), queue, places: places.clone() };
            tasks.spawn(pull.run(deliveries, tasks.clone(), shutdown.clone()));
        }
    }
    shutdown.cancelled().await;
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
