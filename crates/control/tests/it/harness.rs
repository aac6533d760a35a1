//! Operators' requests over one embedded backend in a temporary directory.

use std::sync::Arc;

use conformance::{
    fixture::{at, doubt_until_review},
    roles::{ManualClock, directory, event, paging_definition},
};
use control::{Access, Answer, Control, ControlError, ControlPorts, Principal, Request, RunView};
use domain::{
    ack_code::CodeKey,
    admission::Admission,
    id::RunId,
    message::MessageEvent,
    policy::Environment,
    provider::{FailureClass, Refusal, SubmitOutcome},
    workflow::Workflow,
};
use embedded::{Embedded, EmbeddedConfig};
use ports::{Bus, Store};
use runtime::{RunPorts, RunService, WorkflowRegistry};
use tempfile::TempDir;

pub(crate) struct World {
    pub clock: Arc<ManualClock>,
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Bus>,
    pub runs: Arc<RunService>,
    pub(crate) control: Control,
    _embedded: Embedded,
    _folder: TempDir,
}

impl World {
    /// With a workflow that notifies Ada and Ben at once.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let path = folder.path().join("callout.db");
        let embedded = Embedded::open(EmbeddedConfig::new(path, [].into(), clock.clone())).unwrap();
        let (store, bus) = (embedded.store(), embedded.bus());
        let ports = RunPorts::new(store.clone(), bus.clone(), clock.clone());
        let mut definition = paging_definition();
        let ben = definition.steps.remove(1).notify;
        definition.steps[0].notify.extend(ben);
        let workflows = WorkflowRegistry::new([Workflow::compile(definition).unwrap()]);
        let (environment, key) = (Environment::default(), CodeKey::default());
        let runs = Arc::new(RunService::new(ports, workflows, directory(), environment, key));
        let control = Control::new(ControlPorts {
            runs: runs.clone(),
            list: store.clone(),
            letters: store.clone(),
            effects: store.clone(),
            audit: store.clone(),
            bus: bus.clone(),
        });
        Self { clock, store, bus, runs, control, _embedded: embedded, _folder: folder }
    }

    pub(crate) async fn ask(&self, role: Access, request: Request) -> Result<Answer, ControlError> {
        let principal = Principal { name: "ada".to_owned(), role };
        self.control.execute(&principal, request).await
    }

    pub(crate) async fn operate(&self, request: Request) -> Result<Answer, ControlError> {
        self.ask(Access::Operator, request).await
    }

    /// The run that a request answers with, and whether the request changed it.
    pub(crate) async fn changes(&self, request: Request) -> (RunView, bool) {
        let answer = self.operate(request).await.unwrap();
        let Answer::Run { run, changed } = answer else { panic!("{answer:?}") };
        (*run, changed)
    }

    /// Opens the run of the `n`th event, with a text to Ada and one to Ben.
    pub(crate) async fn open(&self, n: u32) -> RunId {
        let workflows = self.runs.workflows();
        let (event, workflow) = (event(n), workflows.workflows().next().unwrap());
        self.runs.open_notice(&event, workflow).await.unwrap();
        RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
    }

    /// Sends a text whose fate stays unknown, so that an operator must end the doubt.
    pub(crate) async fn hold(&self, id: &RunId, number: u16) {
        let held = self.runs.apply(id, |run, ctx| {
            run.admit(number, &Admission::default(), ctx);
            doubt_until_review(run, number, ctx);
        });
        held.await.unwrap().unwrap();
    }

    /// Sends a text that the provider refuses for good.
    pub(crate) async fn kill(&self, id: &RunId, number: u16) {
        let refusal = Refusal {
            code: Some(21_211),
            class: FailureClass::Recipient,
            retry_after_ms: None,
            reason: "no phone".to_owned(),
        };
        let outcome = SubmitOutcome::NotSent(refusal);
        let killed = self.runs.apply(id, |run, ctx| {
            run.admit(number, &Admission::default(), ctx);
            let event = MessageEvent::Answered { attempt: 1, outcome: &outcome, in_outage: false };
            run.apply_to_message(number, &event, ctx);
        });
        killed.await.unwrap().unwrap();
    }
}
