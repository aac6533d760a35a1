//! What service managers and monitors ask of a process. In: its ports. Out: whether it lives, whether it can work, and
//! its metrics.
//!
//! Never: makes liveness depend on another server; a restart heals none of them.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::get,
};
use ports::DueStore;

/// `/healthz`: the process lives.
pub(crate) fn liveness() -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}

/// `/readyz` and `/metrics`, which say more than strangers should know.
pub(crate) fn monitoring(due: Arc<dyn DueStore>) -> Router {
    Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(due)
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

async fn ready(State(due): State<Arc<dyn DueStore>>) -> (StatusCode, String) {
    match due.next_due().await {
        Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
