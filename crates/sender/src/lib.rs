//! Turns events and dispatch commands into carrier requests. Scaled by running more of it.
//!
//! In: events and `send` commands, lane by lane. Out: opened runs, requests, settled messages.
//! Never: sends what it finds `dispatching`, or answers a delivery before its result is stored.

mod dispatch;
mod doubt;
mod guard;
mod open;
mod poll;
mod work;

use std::{sync::Arc, time::Duration};

use domain::{share::ShareRates, workflow::Lane};
use futures::{StreamExt as _, stream::BoxStream};
use ports::{Delivery, Queue};
use shell::{Context, RoleError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::guard::{Guard, Sender};

pub use guard::SenderPace;

/// How much a sender does at once.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Deliveries of a lane in hand at once.
    pub in_flight_max: [(Lane, u16); 3],
    /// Deliveries of the lanes below critical in hand at once, all together.
    pub below_critical_max: u16,
    /// What each source may bring at its full urgency.
    pub shares: ShareRates,
    /// How fast the sending number or service may send; as fast as the provider takes it when absent.
    pub pace: Option<SenderPace>,
    /// How long work in hand may take to finish once the sender is told to stop.
    pub drain_max: Duration,
}

impl SenderConfig {
    /// A sender for a carrier that takes so many requests at once. The urgent lane may have all of them and a little
    /// more, so that the carrier never waits for it. A quarter of them is its own, for the others together stay below,
    /// and of theirs the lowest lane leaves some to the standard one.
    pub fn new(carrier_in_flight_max: u16, shares: ShareRates, pace: Option<SenderPace>) -> Self {
        let carrier = carrier_in_flight_max.max(8);
        let (critical, standard, bulk) = (carrier + carrier / 2, carrier / 4 * 3, carrier / 8 * 5);
        Self {
            in_flight_max: [(Lane::Critical, critical), (Lane::Standard, standard), (Lane::Bulk, bulk)],
            below_critical_max: standard,
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
    let below_critical = Arc::new(Semaphore::new(usize::from(config.below_critical_max)));
    for (lane, in_flight_max) in config.in_flight_max {
        // Both queues of a lane share its places.
        let places = Places {
            of_lane: Arc::new(Semaphore::new(usize::from(in_flight_max))),
            below_critical: (lane > Lane::Critical).then(|| below_critical.clone()),
        };
        for queue in [Queue::Events(lane), Queue::Send(lane)] {
            let deliveries = sender.ctx.bus.consume(queue, in_flight_max).await?;
            let pull = Pull { sender: sender.clone(), queue, lane, places: places.clone() };
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
    lane: Lane,
    places: Places,
}

/// Bounds what is in hand.
#[derive(Clone)]
struct Places {
    of_lane: Arc<Semaphore>,
    below_critical: Option<Arc<Semaphore>>,
}

impl Places {
    /// Waits for a place. `None` never comes: no semaphore of ours is closed.
    async fn take(&self) -> Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)> {
        let of_lane = self.of_lane.clone().acquire_owned().await.ok()?;
        let below_critical = match self.below_critical.clone() {
            Some(places) => Some(places.acquire_owned().await.ok()?),
            None => None,
        };
        Some((of_lane, below_critical))
    }
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
        let mut deliveries = deliveries.take_until(Box::pin(shutdown.cancelled()));
        while let Some(delivery) = deliveries.next().await {
            let Some(place) = self.places.take().await else { return };
            if !self.sender.guard.wait(&self.sender.ctx, self.lane, &shutdown).await {
                return;
            }
            let (sender, queue, lane) = (self.sender.clone(), self.queue, self.lane);
            workers.spawn(async move {
                work::work(&sender, queue, lane, delivery).await;
                drop(place);
            });
        }
    }
}
