//! What service managers and monitors ask of a process. In: its ports. Out: whether it lives, whether it can work, and
//! its metrics.
//!
//! Never: makes liveness depend on another server; a restart heals none of them.

use std::{path::PathBuf, sync::Arc, time::Duration};

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
use tokio_util::sync::CancellationToken;

/// How long a dependency may take to answer.
const CHECK_MAX: Duration = Duration::from_millis(900);
/// How long an answer about the dependencies is good for.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// How often a process looks at what it needs, whether anybody asks or not.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// What a process needs, and what was found out about it last.
pub(crate) struct Readiness {
    dependencies: Vec<(&'static str, Arc<dyn Dependency>)>,
    clock: Arc<dyn Clock>,
    /// One check at a time, however many ask.
    last: Mutex<Option<(Timestamp, Vec<String>)>>,
}

impl Readiness {
    /// Of a process that needs these, by the names that operators know.
    pub(crate) fn new(
        dependencies: Vec<(&'static str, Arc<dyn Dependency>)>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self { dependencies, clock, last: Mutex::default() })
    }

    /// Keeps the metrics of what the process needs up to date, until it stops. `wal` is the write-ahead log of an embedded
    /// database.
    pub(crate) async fn watch(self: Arc<Self>, wal: Option<PathBuf>, stop: CancellationToken) {
        let watching = async {
            loop {
                self.faults().await;
                if let Some(wal) = &wal {
                    let bytes = std::fs::metadata(wal).map_or(0, |file| file.len());
                    telemetry::metrics().process.wal(bytes);
                }
                self.clock.sleep_until(self.clock.now() + LOOK_EVERY).await;
            }
        };
        stop.run_until_cancelled(watching).await;
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
            telemetry::metrics().process.dependency(name, checked.is_ok());
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
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", telemetry::metrics().open_metrics())
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
