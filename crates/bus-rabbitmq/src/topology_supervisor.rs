//! Keeps the topology in place. In: a suspicion that something is gone. Out: everything is there again.
//!
//! Never: changes anything where an operator declares, or leaves a publisher with a queue that was deleted:
//! what is published to it is confirmed and gone, so a process without consumers looks every [`LOOK_EVERY`].
#![expect(
    clippy::disallowed_methods,
    reason = "keeps a connection: how long the broker is silent is measured on the machine's clock"
)]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use jiff::SignedDuration;
use ports::Clock;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    config::TopologyMode,
    connect::{ConnectError, Dialer, is_missing, is_starting, within},
    topology::Topology,
};

/// How often it is looked at without a suspicion.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// How long a broker that is still starting is waited for at once, and how often.
const STARTING_WAIT: SignedDuration = SignedDuration::from_millis(500);
const STARTING_TRIES: u32 = 20;

/// Declares, or verifies, on connections of its own.
pub(crate) struct TopologySupervisor {
    dialer: Dialer,
    pub(crate) topology: Topology,
    mode: TopologyMode,
    clock: Arc<dyn Clock>,
    /// When the last success began.
    in_place: Mutex<Option<Instant>>,
    /// Exchanges and queues that this user may not look at. Each question would be an error in the broker's log.
    hidden: Mutex<BTreeSet<String>>,
    /// What was deleted on the broker and is not there again. What is published to it is lost.
    missing: StdMutex<Option<String>>,
}

impl TopologySupervisor {
    pub(crate) fn new(dialer: Dialer, topology: Topology, mode: TopologyMode, clock: Arc<dyn Clock>) -> Self {
        Self {
            dialer,
            topology,
            mode,
            clock,
            in_place: Mutex::default(),
            hidden: Mutex::default(),
            missing: StdMutex::default(),
        }
    }

    /// At the start. A broker that comes up itself takes connections before its queues are there.
    pub(crate) async fn establish(&self) -> Result<(), ConnectError> {
        for _ in 0..STARTING_TRIES {
            match self.ensure(Instant::now()).await {
                Err(error) if is_starting(&error) => {
                    self.clock.sleep_until(self.clock.now() + STARTING_WAIT).await;
                }
                ensured => return ensured.map_err(|error| self.dialer.explain(&error)),
            }
        }
        self.ensure(Instant::now()).await.map_err(|error| self.dialer.explain(&error))
    }

    /// What a failure means, and what to do.
    pub(crate) fn explain(&self, error: &lapin::Error) -> ConnectError {
        self.dialer.explain(error)
    }

    /// Everything was in place at `since` or later. Many may suspect the same; one does the work.
    pub(crate) async fn ensure(&self, since: Instant) -> Result<(), lapin::Error> {
        let mut in_place = self.in_place.lock().await;
        if in_place.is_some_and(|in_place| in_place >= since) {
            return Ok(());
        }
        let began = Instant::now();
        match self.mode {
            TopologyMode::Declare => {
                let channel = self.dialer.dial_channel("topology").await?;
                within(self.topology.declare(&channel)).await?;
            }
            TopologyMode::Verify => self.verify().await?,
        }
        *in_place = Some(began);
        Ok(())
    }

    async fn verify(&self) -> Result<(), lapin::Error> {
        let mut hidden = self.hidden.lock().await;
        let known = hidden.len();
        let connection = self.dialer.dial("topology").await?;
        let verified = within(self.topology.verify(&connection, &mut hidden)).await;
        if hidden.len() > known {
            tracing::info!(
                names = hidden.len(),
                "the broker does not show this user all exchanges and queues; those are not verified"
            );
        }
        verified
    }

    /// Looks after it for ever.
    pub(crate) async fn watch(&self) {
        loop {
            self.clock.sleep_until(self.clock.now() + LOOK_EVERY).await;
            match self.verify().await {
                Ok(()) => self.set_missing(None),
                Err(error) if is_missing(&error) => self.restore(&error).await,
                // A broker that is away is others' concern.
                Err(_) => {}
            }
        }
    }

    async fn restore(&self, missing: &lapin::Error) {
        if self.mode == TopologyMode::Verify {
            let remedy = "run `callout topology declare` as the user who declares";
            tracing::error!(error = %missing, "something was deleted on the broker; events may be lost until it is there again: {remedy}");
            self.set_missing(Some(format!("{missing}; {remedy}")));
            return;
        }
        tracing::error!(error = %missing, "something was deleted on the broker; events may have been lost with it");
        match self.ensure(Instant::now()).await {
            Ok(()) => self.set_missing(None),
            Err(error) => {
                tracing::error!(%error, "what was deleted on the broker could not be declared again");
                self.set_missing(Some(error.to_string()));
            }
        }
    }

    /// What is missing on the broker, with what to do.
    pub(crate) fn missing(&self) -> Option<String> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_missing(&self, missing: Option<String>) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = missing;
    }
}
