//! A server that keeps what it is sent and answers as it is told, and effects to send.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use conformance::fixture::Opening;
use domain::{
    effect::OutcomeKind,
    outbound::{Destinations, Subscription},
};
use ports::EffectRequest;
use serde_json::Value;
use url::Url;

pub(crate) struct Sent {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Sent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

type Answer = (u16, Vec<(&'static str, String)>, String);

#[derive(Default)]
pub(crate) struct Server {
    answers: Mutex<VecDeque<Answer>>,
    pub sent: Mutex<Vec<Sent>>,
}

impl Server {
    /// Starts it, with the answers that it gives one after the other, then 200 and no body.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> (Arc<Self>, Url) {
        let server = Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let app = Router::new().fallback(take).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (server, url)
    }

    pub(crate) fn answer_with(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

async fn take(
    State(server): State<Arc<Server>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    server.sent.lock().unwrap().push(Sent { method, uri, headers, body });
    let (status, headers, body) =
        server.answers.lock().unwrap().pop_front().unwrap_or((200, Vec::new(), String::new()));
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// An answer with this status and body.
pub(crate) fn answer(status: u16, body: &str) -> Answer {
    (status, Vec::new(), body.to_owned())
}

/// What tells that a run was opened, or asks for its ticket.
pub(crate) fn request(asks_for_ticket: bool) -> EffectRequest {
    let change = Opening::new("destinations", 1).subject("db-1").change();
    let subscription = Subscription {
        name: "ops".into(),
        events: [OutcomeKind::RunOpened].into(),
        opens_tickets: true,
        ..Subscription::default()
    };
    let mut done = change.effects.clone();
    if asks_for_ticket {
        let what = domain::timeline::TimelineEvent::TicketWanted { queue: "ops".into(), because: None };
        done.note_run(change.run.opened_at(), what);
    }
    let mut effects = Destinations(vec![subscription]).effects(&change.run, &done);
    EffectRequest {
        effect: effects.pop().unwrap(),
        run: Some(domain::run::Run::clone(&change.run)),
        timeline: vec!["2040-01-01 00:00:00 UTC  step 1 began".to_owned()],
        run_url: Some("https://callout.example/v1/runs/r0".to_owned()),
        may_exist: false,
        at: conformance::fixture::at(0),
    }
}

/// The same for a run whose ticket at `ops` has this key.
pub(crate) fn with_ticket(key: &str) -> EffectRequest {
    let mut request = request(false);
    let mut run = serde_json::to_value(request.run.take().unwrap()).unwrap();
    run["tickets"] = serde_json::json!([{"destination": "ops", "key": key}]);
    request.run = Some(serde_json::from_value(run).unwrap());
    request
}
