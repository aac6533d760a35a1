//! What service managers and monitors ask of a process. In: its ports. Out: whether it lives, whether it can work, and
//! its metrics.
//!
//! Never: makes liveness depend on another server; a restart heals none of them.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use ports::DueStore;

/// `/healthz`: the process lives.
pub(crate) fn liveness() -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}

/// `/readyz` and `/metrics`, which say more than strangers should know.
pub(crate) fn monitoring(due: Arc<dyn DueStore>) -> Router {
    Router::new().route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(due)
}

async fn metrics() -> ([(&'static str, &'static str); 1], String) {
    let text = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", text)], telemetry::metrics().text())
}

async fn ready(State(due): State<Arc<dyn DueStore>>) -> (StatusCode, String) {
    match due.next_due().await {
        Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
