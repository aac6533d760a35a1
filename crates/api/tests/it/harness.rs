//! The API's routes over one embedded backend in a temporary directory.

use std::sync::Arc;

use api::{ApiPorts, ApiSettings, router};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use conformance::{
    fixture::{at, doubt_until_review},
    roles::{ManualClock, directory, event, paging_definition},
};
use control::{Control, ControlPorts};
use domain::{
    ack_code::CodeKey,
    admission::Admission,
    directory::Directory,
    id::RunId,
    message::MessageEvent,
    oncall::{Rotation, TurnLength},
    outbound::{Destinations, STREAM, Subscription},
    policy::Environment,
    provider::{FailureClass, Refusal, SubmitOutcome},
    run::Run,
    source_quota::QuotaRates,
    token::{Scope, Token, TokenRequest},
    workflow::Workflow,
};
use embedded::{Embedded, EmbeddedConfig};
use http_body_util::BodyExt as _;
use ports::{AnswerStore, Store};
use runtime::{Acceptance, RunPorts, RunService, WorkflowRegistry};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// An answer.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runs: Arc<RunService>,
    pub(crate) stop: CancellationToken,
    ports: ApiPorts,
    settings: ApiSettings,
    router: Router,
    _embedded: Embedded,
    _folder: TempDir,
}

impl World {
    /// With the workflow `paging`, of the team `platform`, which notifies Ada and then Ben.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let path = folder.path().join("callout.db");
        let embedded = Embedded::open(EmbeddedConfig::new(path, [].into(), clock.clone())).unwrap();
        let (store, bus) = (embedded.store(), embedded.bus());
        let ports = RunPorts::new(store.clone(), bus.clone(), clock.clone());
        let workflow = Workflow::compile(paging_definition()).unwrap();
        let workflows = WorkflowRegistry::new([Workflow { team: Some("platform".into()), ..workflow }]);
        let (environment, key) = (Environment::default(), CodeKey::default());
        let rotation = Rotation {
            time_zone: "UTC".to_owned(),
            start: "2039-12-26".parse().unwrap(),
            handover: "09:00".parse().unwrap(),
            turn: TurnLength::Days(7),
            members: vec!["ada".to_owned(), "ben".to_owned()],
            hours: None,
        };
        let rotations = [(("desk".to_owned(), "primary".to_owned()), vec![rotation])].into();
        let directory = Directory { rotations, ..directory() };
        let runs = RunService::new(ports, workflows, directory, environment, key);
        // Outcomes are kept; what there is of them the tests put there.
        let stream = Subscription { name: STREAM.to_owned(), ..Subscription::default() };
        let runs = Arc::new(runs.with_destinations(Destinations(vec![stream])));
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
            bus,
        });
        let ports = ApiPorts { control, answers: store.clone(), clock: clock.clone() };
        let stop = CancellationToken::new();
        let settings = ApiSettings { environment: "test".to_owned(), version: "0.0.0", stop: stop.clone() };
        let router = router(ports.clone(), settings.clone());
        Self { clock, store, runs, stop, ports, settings, router, _embedded: embedded, _folder: folder }
    }

    /// A token with these scopes, of these teams, in clear.
    pub(crate) async fn token(&self, scopes: &[Scope], teams: &[&str]) -> String {
        self.minted(scopes, &[], teams).await
    }

    /// A token that may send events of these types.
    pub(crate) async fn raising(&self, types: &[&str]) -> String {
        self.minted(&[], types, &[]).await
    }

    async fn minted(&self, scopes: &[Scope], raises: &[&str], teams: &[&str]) -> String {
        let request = TokenRequest {
            label: "dashboard".to_owned(),
            scopes: scopes.iter().copied().collect(),
            raises: raises.iter().map(|kind| (*kind).to_owned()).collect(),
            teams: teams.iter().map(|team| (*team).to_owned()).collect(),
            is_agent: false,
            expires_at: Some(at(100)),
        };
        // Each token of a test differs from the others.
        let mut chance = [0; 32];
        chance[0] = self.store.tokens().await.unwrap().len() as u8;
        let (token, clear) = Token::mint(request, "ada", &chance, at(0)).unwrap();
        self.store.add_token(&token).await.unwrap();
        clear
    }

    /// The API of another process, over the same store but these answers.
    pub(crate) fn over(&self, answers: Arc<dyn AnswerStore>) -> Router {
        router(ApiPorts { answers, ..self.ports.clone() }, self.settings.clone())
    }

    /// A token that may read and change everything.
    pub(crate) async fn operator(&self) -> String {
        self.token(&[Scope::Operate], &[]).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// One request with a token and further headers.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.ask(request.body(Body::from(body.to_owned())).unwrap()).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answered { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answered {
        self.send("GET", path, token, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, headers: &[(&str, &str)]) -> Answered {
        self.send("POST", path, token, headers, "").await
    }

    pub(crate) async fn run(&self, id: &RunId) -> Run {
        Arc::unwrap_or_clone(self.runs.load(id).await.unwrap().unwrap().value)
    }

    /// Opens the run of the `n`th event, with a text to Ada.
    pub(crate) async fn open(&self, n: u32) -> RunId {
        let workflows = self.runs.workflows();
        let (event, workflow) = (event(n), workflows.workflows().next().unwrap());
        self.runs.open_notice(&event, workflow).await.unwrap();
        RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
    }

    /// Sends the first text of a run, whose fate stays unknown.
    pub(crate) async fn hold(&self, id: &RunId) {
        let held = self.runs.apply(id, |run, ctx| {
            run.admit(1, &Admission::default(), ctx);
            doubt_until_review(run, 1, ctx);
        });
        held.await.unwrap().unwrap();
    }

    /// Sends the first text of a run, which the provider refuses for good.
    pub(crate) async fn kill(&self, id: &RunId) {
        let refusal = Refusal {
            code: Some(21_211),
            class: FailureClass::Recipient,
            of_originator: false,
            retry_after_ms: None,
            reason: "no phone".to_owned(),
        };
        let outcome = SubmitOutcome::NotSent(refusal);
        let killed = self.runs.apply(id, |run, ctx| {
            run.admit(1, &Admission::default(), ctx);
            let event = MessageEvent::Answered { attempt: 1, outcome: &outcome, in_outage: false };
            run.apply_to_message(1, &event, ctx);
        });
        killed.await.unwrap().unwrap();
    }
}
