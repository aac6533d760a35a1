//! A receiver over one embedded backend in a temporary directory, and the provider that posts to it.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use callback::{CallbackPorts, router};
use conformance::{
    fixture::at,
    roles::{ManualClock, directory, event, paging, paging_definition},
};
use domain::{
    ack_code::CodeKey,
    admission::Admission,
    id::RunId,
    message::MessageEvent,
    notice::{Notices, Wording},
    policy::Environment,
    provider::{ProviderMessageId, ProviderStatus, SubmitOutcome},
    run::Run,
    timeline::TimelineEvent,
    workflow::{Target, Workflow},
};
use embedded::{Embedded, EmbeddedConfig};
use http_body_util::BodyExt as _;
use ports::Store;
use runtime::{RunPorts, RunService, WorkflowRegistry};
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;
use twilio::{Form, INBOUND_PATH, STATUS_PATH, Secret, SignatureVerifier, SigningKey, TwilioWebhooks};

pub(crate) const PUBLIC_URL: &str = "https://callout.example";
const TOKEN: &str = "token-of-the-tests";

/// An answer to a browser.
pub(crate) struct Browsed {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub store: Arc<dyn Store>,
    pub runs: Arc<RunService>,
    router: Router,
    embedded: Option<Embedded>,
    _folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let path = folder.path().join("callout.db");
        let embedded = Embedded::open(EmbeddedConfig::new(path, [].into(), clock.clone())).unwrap();
        let store = embedded.store();
        let ports = RunPorts::new(store.clone(), embedded.bus(), clock.clone());
        let notices = Notices::compile(&Wording::default()).unwrap();
        let (workflows, key) = (
            WorkflowRegistry::new([paging(), by_field(), linked()]).with_notices(notices),
            CodeKey::default(),
        );
        let runs = RunService::new(ports, workflows, directory(), Environment::default(), key);
        let runs = Arc::new(runs.linking_to(PUBLIC_URL));
        let webhooks = TwilioWebhooks {
            public_url: PUBLIC_URL.to_owned(),
            verifier: SignatureVerifier::new(vec![Secret::new(TOKEN)]),
            keyword_languages: Vec::new(),
        };
        let router = router(CallbackPorts {
            runs: runs.clone(),
            lookup: store.clone(),
            consent: store.clone(),
            webhooks: Arc::new(webhooks),
        });
        Self { clock, store, runs, router, embedded: Some(embedded), _folder: folder }
    }

    /// Closes the store under the receiver.
    pub(crate) async fn close_store(&mut self) {
        self.embedded.take().unwrap().close().await;
    }

    /// Opens the run of the `n`th event, with a text to Ada.
    pub(crate) async fn open(&self, n: u32) -> RunId {
        let (event, workflow) = (event(n), paging());
        self.runs.open_notice(&event, &workflow).await.unwrap();
        RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
    }

    /// The same, with a text to the phone that the event names.
    pub(crate) async fn open_by_field(&self, n: u32, phone: &str) -> RunId {
        let (mut event, workflow) = (event(n), by_field());
        event.data.insert("phone".to_owned(), phone.into());
        self.runs.open_notice(&event, &workflow).await.unwrap();
        RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
    }

    /// The same, with a text that holds a link. Returns its path as well.
    pub(crate) async fn open_linked(&self, n: u32) -> (RunId, String) {
        let (event, workflow) = (event(n), linked());
        self.runs.open_notice(&event, &workflow).await.unwrap();
        let subject = event.subject.as_deref();
        let id = RunId::derive(&event.key.source, &event.key.id, workflow.name(), subject);
        let text = self.run(&id).await.message(1).unwrap().text().unwrap().0.to_string();
        let (_, path) = text.split_once(PUBLIC_URL).unwrap();
        (id, path.to_owned())
    }

    /// What a browser gets.
    pub(crate) async fn browse(&self, method: &str, path: &str) -> Browsed {
        self.browse_with(method, path, &[]).await
    }

    /// The same with what a browser says of where it comes from.
    pub(crate) async fn browse_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Browsed {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Browsed { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Claims its text, as before the request to the provider.
    pub(crate) async fn claim(&self, id: &RunId) {
        let claimed = self.runs.apply(id, |run, ctx| run.admit(1, &Admission::default(), ctx));
        claimed.await.unwrap().unwrap();
    }

    /// Opens it, and has the provider take the text under this name.
    pub(crate) async fn open_and_send(&self, n: u32, sid: &ProviderMessageId) -> RunId {
        let id = self.open(n).await;
        self.claim(&id).await;
        let outcome = SubmitOutcome::Sent { sid: sid.clone(), status: ProviderStatus::Queued };
        let event = MessageEvent::Answered { attempt: 1, outcome: &outcome, in_outage: false };
        let sent = self.runs.apply(&id, |run, ctx| run.apply_to_message(1, &event, ctx));
        sent.await.unwrap().unwrap();
        id
    }

    pub(crate) async fn run(&self, id: &RunId) -> Run {
        Arc::unwrap_or_clone(self.runs.load(id).await.unwrap().unwrap().value)
    }

    /// The lines of a run's timeline that are such.
    pub(crate) async fn count(&self, id: &RunId, is_such: fn(&TimelineEvent) -> bool) -> usize {
        let timeline = self.store.timeline(id).await.unwrap();
        timeline.iter().filter(|entry| is_such(&entry.what)).count()
    }

    /// The provider reports a status of the text with this name; `query` is what our URL says of it.
    pub(crate) async fn status(&self, sid: &ProviderMessageId, status: &str, query: &str) -> StatusCode {
        let form = [("MessageSid", sid.as_str()), ("MessageStatus", status)];
        self.post(TOKEN, &format!("{STATUS_PATH}{query}"), &form).await.0
    }

    /// The provider posts a text that came from this phone.
    pub(crate) async fn text(&self, sid: &ProviderMessageId, from: &str, body: &str) -> (StatusCode, String) {
        self.text_signed(TOKEN, sid, from, body).await
    }

    /// The same, signed with this token.
    pub(crate) async fn text_signed(
        &self,
        token: &str,
        sid: &ProviderMessageId,
        from: &str,
        body: &str,
    ) -> (StatusCode, String) {
        let form = [("MessageSid", sid.as_str()), ("From", from), ("To", "+15005550006"), ("Body", body)];
        self.post(token, INBOUND_PATH, &form).await
    }

    async fn post(&self, token: &str, path: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let params = Form::parse(body.as_bytes()).unwrap();
        let url = format!("{PUBLIC_URL}{path}");
        let signature = SigningKey::new(&Secret::new(token)).sign(&url, params.params());
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", signature)
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

/// [`paging`], with a link in the text.
fn linked() -> Workflow {
    let mut definition = paging_definition();
    "linked".clone_into(&mut definition.name);
    definition.template = "{{ title }} {{ ack_url }}. Reply {{ ack }}".to_owned();
    definition.max_segments = 2;
    Workflow::compile(definition).unwrap()
}

/// [`paging`], with a first step that texts the phone that the event names.
fn by_field() -> Workflow {
    let mut definition = paging_definition();
    "by-field".clone_into(&mut definition.name);
    definition.steps[0].notify = vec![Target::Field("phone".to_owned())];
    definition.schema["properties"]["phone"] = json!({"type": "string"});
    Workflow::compile(definition).unwrap()
}
