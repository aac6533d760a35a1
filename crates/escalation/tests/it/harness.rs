//! An escalation worker over one embedded backend in a temporary directory.

use std::{sync::Arc, time::Duration};

use conformance::{
    fixture::{at, workflow},
    roles::{ManualClock, directory, event, paging, until},
};
use domain::{
    ack_code::CodeKey,
    id::RunId,
    policy::Environment,
    run::{Run, RunPhase},
};
use embedded::{Embedded, EmbeddedConfig};
use escalation::{EscalationConfig, EscalationPorts, Retention};
use ports::{Bus, Store};
use runtime::{DeadLetters, RoleError, RunPorts, RunService, WorkflowRegistry};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::faulty_store::{FaultyDue, ObservedRetention};

/// How long the worker keeps ended runs: a week.
pub(crate) const RETENTION_S: i64 = 7 * 24 * 3_600;
/// How long texts of ended runs, and dead letters, are kept here.
pub(crate) const TEXTS_S: i64 = 24 * 3_600;

pub(crate) struct World {
    pub clock: Arc<ManualClock>,
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub due: Arc<FaultyDue>,
    pub retention: Arc<ObservedRetention>,
    pub ports: Arc<EscalationPorts>,
    _embedded: Embedded,
    _folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let path = folder.path().join("callout.db");
        let embedded = Embedded::open(EmbeddedConfig::new(path, [].into(), clock.clone())).unwrap();
        let (store, bus) = (embedded.store(), embedded.bus());
        let run_ports = RunPorts::new(store.clone(), bus.clone(), clock.clone());
        let workflows = WorkflowRegistry::new([paging(), workflow().clone()]);
        let key = CodeKey::default();
        let due = Arc::new(FaultyDue::new(store.clone()));
        let retention = Arc::new(ObservedRetention::new(store.clone()));
        let ports = Arc::new(EscalationPorts {
            runs: Arc::new(RunService::new(run_ports, workflows, directory(), Environment::default(), key)),
            due: due.clone(),
            retention: retention.clone(),
            sealing: store.clone(),
            letters: store.clone(),
            dead_letters: DeadLetters { store: store.clone(), bus: bus.clone(), clock: clock.clone() },
            bus: bus.clone(),
            clock: clock.clone(),
        });
        Self { clock, store, bus, due, retention, ports, _embedded: embedded, _folder: folder }
    }

    /// Opens the run of the `n`th event of `paging`.
    pub(crate) async fn open(&self, n: u32) -> RunId {
        let (event, workflow) = (event(n), paging());
        self.ports.runs.open_notice(&event, &workflow).await.unwrap();
        RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
    }

    pub(crate) async fn run(&self, id: &RunId) -> Option<Run> {
        self.ports.runs.load(id).await.unwrap().map(|run| Arc::unwrap_or_clone(run.value))
    }

    /// Where a run stands: its step, from 0, and its phase.
    pub(crate) async fn stands(&self, id: &RunId) -> (u8, RunPhase) {
        let run = self.run(id).await.unwrap();
        (run.step(), run.phase())
    }

    pub(crate) async fn reaches(&self, id: &RunId, step: u8, phase: RunPhase) {
        until("the step and phase", async || self.stands(id).await == (step, phase)).await;
    }

    /// Works on what is due at this second.
    pub(crate) async fn look_at(&self, seconds: i64) {
        self.clock.set(at(seconds));
        escalation::due_runs(&self.ports, None, 4).await.unwrap();
    }

    /// A worker on its own task.
    pub(crate) fn start(&self) -> Worker {
        let shutdown = CancellationToken::new();
        let config = EscalationConfig {
            retention: Retention {
                runs: Duration::from_secs(RETENTION_S as u64),
                texts: Duration::from_secs(TEXTS_S as u64),
                letters: Duration::from_secs(TEXTS_S as u64),
            },
            ..EscalationConfig::default()
        };
        let task = tokio::spawn(escalation::run(self.ports.clone(), config, shutdown.clone()));
        Worker { shutdown, task }
    }
}

pub(crate) struct Worker {
    pub shutdown: CancellationToken,
    pub task: JoinHandle<Result<(), RoleError>>,
}

impl Worker {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}
