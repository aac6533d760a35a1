//! What the ways in share: who may send, and how much at once.
//!
//! In: events and the source that sends them. Out: what their sender is told.
//! Never: decides what is taken; `runtime` does, for other roles as well.

use std::sync::Arc;

use domain::{
    acceptance::{Accepted, SameId},
    event::Event,
    source::Source,
    source_quota::QuotaRates,
};
use http_server::events::Problem;
use jiff::Timestamp;
use ports::{Bus, Clock};
use runtime::{Acceptance, RunService};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::access::Sources;

/// What the endpoint uses, and nothing else.
#[derive(Clone)]
pub struct IngestPorts {
    /// Which workflows take an event, and which runs it opened before.
    pub runs: Arc<RunService>,
    /// Where events are published.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Who may send, and how much at once.
#[derive(Debug)]
pub struct IngestConfig {
    /// The sources that are trusted, now and after a reload.
    pub sources: watch::Receiver<Arc<Sources>>,
    /// Requests worked on at once; more are told to come again.
    pub in_flight_max: usize,
    /// Events a second that each source may bring in the lane of its workflow.
    pub quotas: QuotaRates,
}

/// The ways in, and what they share.
pub(crate) struct Endpoint {
    pub(crate) ports: IngestPorts,
    sources: watch::Receiver<Arc<Sources>>,
    in_flight: Semaphore,
    acceptance: Acceptance,
}

impl Endpoint {
    pub(crate) fn new(ports: IngestPorts, config: IngestConfig) -> Self {
        let IngestPorts { runs, bus, clock } = ports.clone();
        Self {
            ports,
            sources: config.sources,
            in_flight: Semaphore::new(config.in_flight_max),
            acceptance: Acceptance::new(runs, bus, clock, config.quotas),
        }
    }

    /// Room for one more request, if there is any.
    pub(crate) fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.in_flight.try_acquire().ok()
    }

    /// The sources that are trusted now.
    pub(crate) fn sources(&self) -> Arc<Sources> {
        self.sources.borrow().clone()
    }

    /// Takes events of a source, all of them or none.
    pub(crate) async fn accept(
        &self,
        source: &Source,
        events: &[Event],
        is_batch: bool,
        same_id: SameId,
        now: Timestamp,
    ) -> Result<Accepted, Problem> {
        Ok(self.acceptance.accept(source, events, is_batch, same_id, now).await?)
    }
}
