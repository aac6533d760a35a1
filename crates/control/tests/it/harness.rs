//! Operators' requests over one embedded backend in a temporary directory.

use std::sync::Arc;

use conformance::{
    fixture::{at, doubt_until_review},
    roles::{ManualClock, SOURCE, directory, event, paging_definition},
};
use control::{Answer, Control, ControlError, ControlPorts, Principal, Request, RunView};
use domain::{
    ack_code::CodeKey,
    admission::Admission,
    id::RunId,
    message::MessageEvent,
    outbound::{Destinations, Subscription},
    policy::Environment,
    provider::{FailureClass, Refusal, SubmitOutcome},
    recipient_hash::RecipientKey,
    source_quota::QuotaRates,
    team::SourceTeams,
    token::{Scope, Token, TokenRequest},
    workflow::Workflow,
};
use embedded::{Embedded, EmbeddedConfig};
use ports::{
    Bus, Store,
    store::{DeadLetterFilter, readable},
};
use runtime::{Acceptance, RunPorts, RunService, WorkflowRegistry};
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
        Self::hashing_with(None)
    }

    /// The same, with a key for hashes of recipients.
    pub(crate) fn hashing_with(key_of_hashes: Option<RecipientKey>) -> Self {
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
        let runs = RunService::new(ports, workflows, directory(), environment, key);
        let runs = Arc::new(runs.hashing_with(key_of_hashes));
        let acceptance = Acceptance::new(runs.clone(), bus.clone(), clock.clone(), QuotaRates::default());
        let control = Control::new(ControlPorts {
            acceptance: Arc::new(acceptance),
            runs: runs.clone(),
            list: store.clone(),
            letters: store.clone(),
            tokens: store.clone(),
            approvals: store.clone(),
            effects: store.clone(),
            log: store.clone(),
            audit: store.clone(),
            status: store.clone(),
            sending: store.clone(),
            receipts: store.clone(),
            rate_limits: store.clone(),
            overrides: store.clone(),
            silences: store.clone(),
            calendars: store.clone(),
            preflight: store.clone(),
            consent: store.clone(),
            retention: store.clone(),
            clock: clock.clone(),
            bus: bus.clone(),
        });
        Self { clock, store, bus, runs, control, _embedded: embedded, _folder: folder }
    }

    /// Asks as one whose token has these scopes.
    pub(crate) async fn ask(&self, scopes: &[Scope], request: Request) -> Result<Answer, ControlError> {
        self.control.execute(&with_token(scopes, &[]), request).await
    }

    pub(crate) async fn operate(&self, request: Request) -> Result<Answer, ControlError> {
        self.control.execute(&Principal::operator("ada"), request).await
    }

    /// The run that a request answers with, and whether the request changed it.
    pub(crate) async fn changes(&self, request: Request) -> (RunView, bool) {
        let answer = self.operate(request).await.unwrap();
        let Answer::Run { run, changed, .. } = answer else { panic!("{answer:?}") };
        (*run, changed)
    }

    /// Opens the run of the `n`th event, with a text to Ada and one to Ben.
    pub(crate) async fn open(&self, n: u32) -> RunId {
        let workflows = self.runs.workflows();
        let (event, workflow) = (event(n), workflows.workflows().next().unwrap());
        self.runs.open_notice(&event, workflow).await.unwrap();
        RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
    }

    /// From now on the workflow is of this team.
    pub(crate) async fn give_to(&self, team: &str) {
        let workflows = self.runs.workflows();
        let given =
            workflows.workflows().map(|workflow| Workflow { team: Some(team.into()), ..workflow.clone() });
        let workflows = WorkflowRegistry::new(given.collect::<Vec<_>>());
        self.runs.replace(workflows, directory(), Destinations::default()).await.unwrap();
    }

    /// From now on these destinations keep tickets.
    pub(crate) async fn tell(&self, trackers: &[&str]) {
        let tracker = |name: &&str| Subscription {
            name: (*name).to_owned(),
            opens_tickets: true,
            ..Subscription::default()
        };
        let workflows = self.runs.workflows();
        let workflows = WorkflowRegistry::new(workflows.workflows().cloned());
        let destinations = Destinations(trackers.iter().map(tracker).collect());
        self.runs.replace(workflows, directory(), destinations).await.unwrap();
    }

    /// From now on the source of the events is of this team.
    pub(crate) async fn give_source_to(&self, team: &str) {
        let workflows = self.runs.workflows();
        let teams = SourceTeams::new([(SOURCE.to_owned(), team.to_owned())]);
        let workflows = WorkflowRegistry::new(workflows.workflows().cloned()).with_teams(teams);
        self.runs.replace(workflows, directory(), Destinations::default()).await.unwrap();
    }

    /// The ids of all dead letters.
    pub(crate) async fn letter_ids(&self) -> Vec<String> {
        let letters = readable(self.store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap()).0;
        letters.into_iter().map(|letter| letter.id).collect()
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
            of_originator: false,
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

/// Who bears a token with these scopes, limited to these teams.
pub(crate) fn with_token(scopes: &[Scope], teams: &[&str]) -> Principal {
    let request = TokenRequest {
        is_agent: false,
        label: "ada".to_owned(),
        scopes: scopes.iter().copied().collect(),
        raises: [].into(),
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        expires_at: None,
    };
    Principal::with_token(&Token::mint(request, "ada", &[1; 32], at(0)).unwrap().0)
}
