//! Run services over one embedded backend in a temporary directory.

use std::sync::Arc;

use async_trait::async_trait;
use conformance::{
    fixture::at,
    roles::{ManualClock, directory, paging},
};
use domain::{
    ack_code::CodeKey,
    event::Event,
    lane_placement::LanePlacement,
    policy::Environment,
    provider::Submission,
    run::{Run, StepContext},
    workflow::Workflow,
};
use embedded::{Embedded, EmbeddedConfig};
use ports::{Bus, Store, Versioned};
use runtime::{OpenedRun, RoleError, RunPorts, RunService, StepHook, WorkflowRegistry};
use tempfile::TempDir;

pub(crate) struct World {
    pub clock: Arc<ManualClock>,
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub runs: RunService,
    embedded: Embedded,
    _folder: TempDir,
}

impl World {
    /// With [`paging`] in force.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let path = folder.path().join("callout.db");
        let embedded = Embedded::open(EmbeddedConfig::new(path, [].into(), clock.clone())).unwrap();
        let (store, bus) = (embedded.store(), embedded.bus());
        let runs = service(&store, &bus, &clock, WorkflowRegistry::new([paging()]));
        Self { clock, store, bus, runs, embedded, _folder: folder }
    }

    /// Another process on the same store, with this workflow in force.
    pub(crate) fn service(&self, workflow: Workflow) -> RunService {
        self.service_of(WorkflowRegistry::new([workflow]))
    }

    /// The same with these workflows and teams.
    pub(crate) fn service_of(&self, workflows: WorkflowRegistry) -> RunService {
        service(&self.store, &self.bus, &self.clock, workflows)
    }

    pub(crate) async fn open(&self, event: &Event) -> OpenedRun {
        self.open_in(&self.runs, event).await
    }

    pub(crate) async fn open_in(&self, runs: &RunService, event: &Event) -> OpenedRun {
        let workflows = runs.workflows();
        let workflow = workflows.workflows().next().unwrap();
        let placement = LanePlacement { lane: workflow.definition.lane, gives_way: false };
        runs.open(event, workflow, placement, None, &mut NoHook).await.unwrap()
    }

    pub(crate) async fn open_new(&self, event: &Event) -> Versioned<Arc<Run>> {
        let opened = self.open(event).await;
        let OpenedRun::New(run, _) = opened else { panic!("{opened:?}") };
        run
    }

    /// Closes the store under the services.
    pub(crate) async fn close(self) -> RunService {
        self.embedded.close().await;
        self.runs
    }
}

fn service(
    store: &Arc<dyn Store>,
    bus: &Arc<dyn Bus>,
    clock: &Arc<ManualClock>,
    workflows: WorkflowRegistry,
) -> RunService {
    let ports = RunPorts::new(store.clone(), bus.clone(), clock.clone());
    RunService::new(ports, workflows, directory(), Environment::default(), CodeKey::default())
}

/// Sends nothing.
struct NoHook;

#[async_trait]
impl StepHook for NoHook {
    async fn step_started(
        &mut self,
        _run: &mut Run,
        _ctx: &mut StepContext<'_>,
    ) -> Result<Vec<Submission>, RoleError> {
        Ok(Vec::new())
    }
}
