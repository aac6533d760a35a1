//! The effects of one destination.
//!
//! In: due effects. Out: requests, as many at once as the destination may have, fewer while it is in trouble.
//! Never: takes an effect that it has no room for: another process may have.

use std::sync::Arc;

use domain::{
    breaker::{Breaker, BreakerTransition, Permit, ProviderSignal},
    limits::{EFFECT_LEASE_S, EFFECT_POLL_MS},
    time::{after_ms, after_s},
    workflow::Lane,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{carry_out, destination::Destination, integrations_ports::IntegrationsPorts};

pub(crate) struct DestinationWorker {
    ports: Arc<IntegrationsPorts>,
    destination: Arc<Destination>,
    breaker: Breaker,
    /// Each ends with what it says of the destination, where it says anything, and whether it was a probe.
    under_way: JoinSet<(Option<ProviderSignal>, bool)>,
}

impl DestinationWorker {
    pub(crate) fn new(ports: Arc<IntegrationsPorts>, destination: Destination) -> Self {
        let destination = Arc::new(destination);
        Self { ports, destination, breaker: Breaker::default(), under_way: JoinSet::new() }
    }

    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let has_more = self.start_due().await;
            let ports = self.ports.clone();
            let next_look = after_ms(ports.clock.now(), EFFECT_POLL_MS);
            tokio::select! {
                Some(ended) = self.under_way.join_next() => self.note_end(ended.ok()),
                () = ports.clock.sleep_until(next_look), if !has_more => {}
                () = shutdown.cancelled() => {}
            }
            while let Some(ended) = self.under_way.try_join_next() {
                self.note_end(ended.ok());
            }
        }
        while let Some(ended) = self.under_way.join_next().await {
            self.note_end(ended.ok());
        }
    }

    /// Starts what is due and has room. Returns whether there may be more, so that the next look need not wait.
    async fn start_due(&mut self) -> bool {
        let now = self.ports.clock.now();
        let free = usize::from(self.destination.in_flight_max).saturating_sub(self.under_way.len());
        if free == 0 {
            return true;
        }
        let (most, is_probe) = match self.breaker.permit(Lane::Critical, now) {
            Permit::Now => (free, false),
            Permit::Probe => (1, true),
            Permit::AfterProbe | Permit::At(_) => return false,
        };
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        let hidden_until = after_s(now, EFFECT_LEASE_S);
        let name = &self.destination.name;
        let taken = match self.ports.effects.take_effects(name, now, hidden_until, most).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(destination = name, %error, "effects could not be taken; it is tried again");
                Vec::new()
            }
        };
        if is_probe && taken.is_empty() {
            self.breaker.end_probe();
        }
        let has_more = !is_probe && taken.len() == usize::from(most);
        for effect in taken {
            let (ports, destination) = (self.ports.clone(), self.destination.clone());
            self.under_way
                .spawn(async move { (carry_out::carry_out(&ports, &destination, effect).await, is_probe) });
        }
        has_more
    }

    fn note_end(&mut self, ended: Option<(Option<ProviderSignal>, bool)>) {
        let Some((signal, is_probe)) = ended else { return };
        if is_probe {
            self.breaker.end_probe();
        }
        let destination = &self.destination.name;
        match signal.and_then(|signal| self.breaker.note(signal, self.ports.clock.now())) {
            Some(BreakerTransition::Opened { stopped: Some(_), until }) => {
                telemetry::note_breaker(destination, true);
                tracing::error!(destination, %until, "a destination does not take its secret; its effects wait until it is corrected");
            }
            Some(BreakerTransition::Opened { stopped: None, until }) => {
                telemetry::note_breaker(destination, true);
                tracing::warn!(destination, %until, "a destination does not answer; its effects wait");
            }
            Some(BreakerTransition::Closed) => {
                telemetry::note_breaker(destination, false);
                tracing::info!(destination, "a destination answers again");
            }
            None => {}
        }
    }
}

/// Nobody tries a destination again that is configured no more.
impl Drop for DestinationWorker {
    fn drop(&mut self) {
        telemetry::note_breaker(&self.destination.name, false);
    }
}
