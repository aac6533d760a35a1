//! The HTTP endpoints for events: who sends, what they send, and only then "accepted".
//!
//! In: CloudEvents over HTTP, structured, binary or in batches; and what tools send to the adapters. Out: published events,
//! or a problem that names every field.
//! Never: answers 2xx before the events are durable, or lets one source speak for another.

pub mod access;
mod adapters;
mod endpoint;
mod events;
mod pagerduty;
mod reports;
mod webhook_signature;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, routing::post};
use domain::{adapter::Adapter, limits::EVENT_BODY_BYTES_MAX};

use crate::endpoint::Endpoint;

pub use endpoint::{IngestConfig, IngestPorts};
pub use http_server::events::EVENTS_PATH;

/// The endpoints' routes.
pub fn router(ports: IngestPorts, config: IngestConfig) -> Router {
    let mut router = Router::new()
        .route(EVENTS_PATH, post(events::receive))
        .layer(DefaultBodyLimit::max(EVENT_BODY_BYTES_MAX));
    for adapter in Adapter::ALL {
        let path = format!("/v1/sources/{}/{{source}}", adapter.name());
        router = match adapter {
            // Tools append what PagerDuty's own address ends with.
            Adapter::PagerDuty => router
                .route(&path, post(pagerduty::receive))
                .route(&format!("{path}/v2/enqueue"), post(pagerduty::receive)),
            Adapter::Alertmanager | Adapter::Grafana | Adapter::OpenClaw => router.route(
                &path,
                post(move |state, name, request| adapters::receive(adapter, state, name, request)),
            ),
        };
    }
    router.with_state(Arc::new(Endpoint::new(ports, config)))
}
