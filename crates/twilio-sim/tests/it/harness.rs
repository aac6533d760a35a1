//! A simulator, a plain HTTP client and a webhook receiver. In: configurations. Out: all three. Never: sleeps.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};
use twilio::{Form, Secret, SignatureVerifier, StatusCallback};
use twilio_sim::{Number, Service, SimConfig, SimHandle, Simulator, Timing};
use url::Url;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const SERVICE: &str = "MG00000000000000000000000000000001";
pub(crate) const EMPTY_SERVICE: &str = "MG00000000000000000000000000000002";
pub(crate) const TOKEN: &str = "token";
pub(crate) const FROM: &str = "+15005550006";
pub(crate) const POOL: &str = "+15550001111";
pub(crate) const PHONE: &str = "+14155550100";
/// Long enough for any machine; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn config() -> SimConfig {
    let service = Service { sid: SERVICE.into(), senders: vec![POOL.into()], ..Service::default() };
    SimConfig {
        account_sid: ACCOUNT.into(),
        auth_token: Secret::from(TOKEN),
        numbers: vec![Number::from(POOL), Number::from("+15550002222")],
        services: vec![service, Service { sid: EMPTY_SERVICE.into(), ..Service::default() }],
        timing: Timing::INSTANT,
        ..SimConfig::default()
    }
}

pub(crate) async fn start(config: SimConfig) -> SimHandle {
    Simulator::start(config).await.unwrap()
}

/// One request of the API, signed in.
pub(crate) struct Api {
    http: Client,
    base: Url,
}

impl Api {
    pub(crate) fn of(sim: &SimHandle) -> Self {
        let http = http_client::client_builder(http_client::Reach::Plain).build().unwrap();
        Self { http, base: sim.base_url() }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let url = self.base.join(path).unwrap();
        let mut request = self.http.request(method.clone(), url).basic_auth(ACCOUNT, Some(TOKEN));
        if method == Method::POST {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn create(&self, form: &[(&str, &str)]) -> (u16, Value) {
        self.call(Method::POST, &messages(), form).await
    }

    /// Sends a text from the test number, and returns its SID.
    pub(crate) async fn text(&self, to: &str, body: &str, callback: Option<&str>) -> String {
        let mut form = vec![("To", to), ("From", FROM), ("Body", body)];
        form.extend(callback.map(|url| ("StatusCallback", url)));
        let (status, created) = self.create(&form).await;
        assert_eq!(status, 201, "{created}");
        created["sid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = self.base.join(&format!("/sim/v1/{path}")).unwrap();
        let request = self.http.request(method, url).header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }
}

pub(crate) fn messages() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
}

pub(crate) fn message(sid: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json")
}

/// One webhook, as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) form: Form,
    pub(crate) headers: HeaderMap,
    pub(crate) genuine: bool,
    pub(crate) query: String,
}

impl Hook {
    pub(crate) fn status(&self) -> StatusCallback {
        StatusCallback::from_form(&self.form, Some(&self.query)).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Default)]
struct Received {
    hooks: Mutex<Vec<Hook>>,
    /// Answers for the next webhooks; 200 once they are used up.
    answers: Mutex<VecDeque<u16>>,
    count: watch::Sender<usize>,
    base: Mutex<String>,
}

/// Receives webhooks and checks their signatures.
#[derive(Clone)]
pub(crate) struct Receiver(Arc<Received>);

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let received = Arc::new(Received::default());
        *received.base.lock().unwrap() = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self(received)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.base.lock().unwrap())
    }

    pub(crate) fn answer_with(&self, answers: &[u16]) {
        self.0.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.0.hooks.lock().unwrap().clone()
    }

    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Hook> {
        let mut counts = self.0.count.subscribe();
        let waiting = counts.wait_for(|arrived| *arrived >= count);
        tokio::time::timeout(PATIENCE, waiting).await.expect("enough webhooks arrive").unwrap();
        self.hooks()
    }

    pub(crate) fn words(&self) -> Vec<String> {
        self.hooks().iter().map(|hook| hook.status().raw_status).collect()
    }
}

async fn take(
    State(received): State<Arc<Received>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let url = format!("{}{uri}", received.base.lock().unwrap());
    let form = Form::parse(&body).unwrap();
    let signature = headers["x-twilio-signature"].to_str().unwrap();
    let genuine = SignatureVerifier::new(vec![TOKEN.into()]).verify(&url, form.params(), signature);
    let query = uri.query().unwrap_or_default().to_owned();
    received.hooks.lock().unwrap().push(Hook { form, headers, genuine, query });
    let status = received.answers.lock().unwrap().pop_front().unwrap_or(200);
    received.count.send_modify(|count| *count += 1);
    (StatusCode::from_u16(status).unwrap(), "<Response/>")
}
