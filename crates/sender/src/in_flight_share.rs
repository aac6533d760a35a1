//! This sender's part of the requests that the account may have open, which all senders have together.
//!
//! In: how many senders consume. Out: permits and requests in flight, resized where the number changed.
//! Never: stops sending because the bus cannot be asked; the share stays what it was.

use std::time::Duration;

use domain::{
    lane_limits::{LaneLimits, in_flight_share},
    workflow::Lane,
};
use jiff::SignedDuration;
use ports::{Queue, within};
use tokio_util::sync::CancellationToken;

use crate::{lane_limiter::LaneLimiter, sender_ports::SenderPorts, sender_state::Sender};

/// How long a sender that came or went may go unnoticed.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(5);
/// How long the bus may take to count, before sending begins.
const COUNT_MAX: Duration = Duration::from_secs(5);

/// One sender's part.
pub(crate) struct InFlightShare {
    /// What all have together.
    in_flight_max: u16,
    /// What this one has.
    own: u16,
    /// Of any lane: the limits are those of all.
    limiter: LaneLimiter,
}

impl InFlightShare {
    /// All of it, until the others are counted.
    pub(crate) fn new(in_flight_max: u16, limiter: LaneLimiter) -> Self {
        telemetry::metrics().sending.in_flight_max(in_flight_max);
        Self { in_flight_max, own: in_flight_max, limiter }
    }

    /// Takes this sender's part before it consumes anything.
    pub(crate) async fn take_as_newcomer(&mut self, ports: &SenderPorts) {
        self.take(ports, 1).await;
    }

    /// Counts the senders, and so many more, and takes this one's part.
    async fn take(&mut self, ports: &SenderPorts, more: u32) {
        // Every sender that may send consumes each lane.
        let counted = ports.bus.consumers(Queue::Events(Lane::Critical));
        let senders = match within(&*ports.clock, COUNT_MAX, counted).await {
            Some(Ok(senders)) => senders.saturating_add(more),
            Some(Err(error)) => return tracing::debug!(%error, "the senders cannot be counted"),
            None => return tracing::debug!("counting the senders takes too long"),
        };
        let own = in_flight_share(self.in_flight_max, senders);
        if own != self.own {
            tracing::info!(senders, in_flight_max = own, "the requests of the account are divided anew");
            self.own = own;
            futures::join!(ports.provider.allow(own), self.limiter.resize(LaneLimits::new(own)));
            telemetry::metrics().sending.in_flight_max(own);
        }
    }

    /// Looks again every few seconds. A sender that is stopped keeps its part, or else all of them would begin again
    /// with the whole when an outage is over.
    pub(crate) async fn keep(mut self, sender: &Sender, shutdown: &CancellationToken) {
        let Sender { ports, admission } = sender;
        let keep = async {
            loop {
                admission.measure(ports.clock.now());
                ports.clock.sleep_until(ports.clock.now() + LOOK_EVERY).await;
                if admission.is_free() {
                    self.take(ports, 0).await;
                }
            }
        };
        shutdown.run_until_cancelled(keep).await;
    }
}
