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

use domain::workflow::Lane;
use futures::{StreamExt as _, stream::BoxStream};
use ports::{Delivery, Queue};
use shell::{Context, RoleError};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::guard::{Guard, Sender};

pub use guard::SenderPace;

/// How much a sender does at once.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Deliveries of a lane in hand at once.
    pub in_flight_max: [(Lane, u16); 3],
    /// How fast the sending number or service may send; as fast as the provider takes it when absent.
    pub pace: Option<SenderPace>,
    /// How long work in hand may take to finish once the sender is told to stop.
    pub drain_max: Duration,
}

impl SenderConfig {
    /// A sender for a carrier that takes so many requests at once. The urgent lane may have all of them and a little
    /// more, so that the carrier never waits for it; a quarter of them is its own, for the others together stay below.
    pub fn new(carrier_in_flight_max: u16, pace: Option<SenderPace>) -> Self {
        let carrier = carrier_in_flight_max.max(8);
        let (critical, standard, bulk) = (carrier + carrier / 2, carrier / 8 * 5, carrier / 8);
        Self {
            in_flight_max: [(Lane::Critical, critical), (Lane::Standard, standard), (Lane::Bulk, bulk)],
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
    let sender = Sender { guard: Arc::new(Guard::new(config.pace)), ctx };
    for (lane, in_flight_max) in config.in_flight_max {
        // Both queues of a lane share its places.
        let places = Arc::new(Semaphore::new(usize::from(in_flight_max)));
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
    places: Arc<Semaphore>,
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
            // The semaphore is never closed.
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            if !self.sender.guard.wait(&self.sender.ctx, self.lane, &shutdown).await {
                return;
            }
            let (sender, queue) = (self.sender.clone(), self.queue);
            workers.spawn(async move {
                work::work(&sender, queue, delivery).await;
                drop(place);
            });
        }
    }
}
