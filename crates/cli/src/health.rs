//! What service managers and monitors ask of a process. In: its ports. Out: whether it lives, whether it can work, and
//! its metrics.
//!
//! Never: makes liveness depend on another server; a restart heals none of them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::get,
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, Dependency, within};
use tokio::sync::Mutex;

/// How long a dependency may take to answer.
const CHECK_MAX: Duration = Duration::from_millis(900);
/// How long an answer about the dependencies is good for.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// What a process needs, and what was found out about it last.
pub(crate) struct Readiness {
    dependencies: Vec<(&'static str, Arc<dyn Dependency>)>,
    clock: Arc<dyn Clock>,
    /// One check at a time, however many ask.
    last: Mutex<Option<(Timestamp, Vec<String>)>>,
}

impl Readiness {
    /// Of a process with these dependencies.
    pub(crate) fn new(
        dependencies: Vec<(&'static str, Arc<dyn Dependency>)>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self { dependencies, clock, last: Mutex::default() })
    }

    /// A line for each dependency that cannot be used.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some((at, faults)) = &*last
            && now.duration_since(*at).abs() < FRESH
        {
            return faults.clone();
        }
        let checks = self.dependencies.iter().map(async |(name, dependency)| {
            let late = || Err(format!("no answer within {} ms", CHECK_MAX.as_millis()));
            let checked = within(&*self.clock, CHECK_MAX, dependency.check()).await.unwrap_or_else(late);
            checked.err().map(|error| format!("{name}: {error}"))
        });
        let faults: Vec<_> = join_all(checks).await.into_iter().flatten().collect();
        *last = Some((self.clock.now(), faults.clone()));
        faults
    }
}

/// `/healthz`: the process lives.
pub(crate) fn liveness() -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}

/// `/readyz` and `/metrics`, which say more than strangers should know.
pub(crate) fn monitoring(readiness: Arc<Readiness>) -> Router {
    let routes = Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics));
    routes.with_state(readiness)
}

/// OpenMetrics for who asks for it, the text format of Prometheus for everybody else.
async fn metrics(headers: HeaderMap) -> ([(&'static str, &'static str); 1], String) {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (form, text) = if accepted.contains("application/openmetrics-text") {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", telemetry::metrics().text())
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", telemetry::metrics().plain_text())
    };
    ([("content-type", form)], text)
}

async fn ready(State(readiness): State<Arc<Readiness>>) -> (StatusCode, String) {
    let faults = readiness.faults().await;
    if faults.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, faults.into_iter().map(|fault| fault + "\n").collect())
}
