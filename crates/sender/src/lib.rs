//! Turns events and dispatch commands into requests to the provider. Scaled by running more of it.
//!
//! In: events and `send` commands, lane by lane. Out: opened runs, requests, stored outcomes.
//! Never: sends what it finds `dispatching`, answers a delivery before its result is stored, or keeps work that it
//! cannot do now.

mod admission;
mod dispatch;
mod doubt;
mod in_flight_share;
mod lane_consumer;
mod lane_limiter;
mod open;
mod poll;
mod resolve;
mod sender_ports;
mod sender_state;
mod work;

use std::{sync::Arc, time::Duration};

use domain::{lane_limits::LaneLimits, source_quota::QuotaRates};
use ports::{Queue, within};
use runtime::RoleError;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admission::AdmissionControl, in_flight_share::InFlightShare, lane_consumer::LaneConsumer,
    lane_limiter::LaneLimiter, sender_state::Sender,
};

pub use crate::sender_ports::SenderPorts;
pub use domain::admission::SenderRate;

/// How much a sender does at once.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// Requests that the account may have open at once, through all senders together.
    pub in_flight_max: u16,
    /// Events a second that each source may bring in the lane of its workflow.
    pub quotas: QuotaRates,
    /// How fast the sending number or service may send; as fast as the provider takes it when absent.
    pub rate: Option<SenderRate>,
    /// How long work in hand may take to finish once the sender is told to stop.
    pub drain_max: Duration,
}

impl SenderConfig {
    /// A sender for an account that may have so many requests open.
    pub fn new(in_flight_max: u16, quotas: QuotaRates, rate: Option<SenderRate>) -> Self {
        Self { in_flight_max, quotas, rate, drain_max: Duration::from_secs(15) }
    }
}

/// Works until `shutdown`, then finishes what is in hand, within [`SenderConfig::drain_max`].
///
/// # Errors
/// When a queue cannot be consumed.
pub async fn run(
    ports: Arc<SenderPorts>,
    config: SenderConfig,
    shutdown: CancellationToken,
) -> Result<(), RoleError> {
    let tasks = TaskTracker::new();
    let admission = AdmissionControl::new(config.quotas, config.rate, shutdown.clone());
    let sender = Sender { admission: Arc::new(admission), ports };
    let lanes = LaneLimiter::of_lanes(LaneLimits::new(config.in_flight_max));
    let mut in_flight_share = InFlightShare::new(config.in_flight_max, lanes[0].clone());
    in_flight_share.take_as_newcomer(&sender.ports).await;
    // Both queues of a lane share its permits.
    for limiter in lanes {
        for queue in [Queue::Events(limiter.lane()), Queue::Send(limiter.lane())] {
            let consumer = LaneConsumer::new(sender.clone(), queue, limiter.clone(), tasks.clone());
            let opened = consumer.open().await?;
            tasks.spawn(consumer.run(opened, shutdown.clone()));
        }
    }
    in_flight_share.keep(&sender, &shutdown).await;
    tasks.close();
    if within(&*sender.ports.clock, config.drain_max, tasks.wait()).await.is_none() {
        tracing::warn!(left = tasks.len(), "stopped with work in hand; it will be delivered again");
    }
    Ok(())
}
