//! The adapters whose requests bear the source's key in a header: Alertmanager, Grafana, OpenClaw.
//!
//! In: a tool's webhook. Out: what was taken of it, or a problem.
//! Never: keeps the body of a stranger, or answers a passing fault with a status that the tool does not try again.

use std::sync::Arc;

use axum::{
    body::{Bytes, to_bytes},
    extract::{Path, Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use domain::{acceptance::Accepted, adapter::Adapter, limits::DOOR_BODY_BYTES_MAX, source::Source};
use http_server::events::{Problem, answer, unpacked};

use crate::{
    access::{Sources, adapter_key},
    endpoint::Endpoint,
};

pub(crate) async fn receive(
    adapter: Adapter,
    State(endpoint): State<Arc<Endpoint>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (sources, mut sender) = (endpoint.sources(), None);
    take(adapter, &endpoint, &sources, &name, request, &mut sender).await.map_or_else(
        |problem| {
            problem.report(sender, &[]);
            problem.into_response()
        },
        |accepted| answer(&accepted, true),
    )
}

/// `sender` is the name of the source, once it is known.
async fn take<'a>(
    adapter: Adapter,
    endpoint: &Endpoint,
    sources: &'a Sources,
    name: &str,
    request: Request,
    sender: &mut Option<&'a str>,
) -> Result<Accepted, Problem> {
    let source = holder(sources, request.headers(), name)?;
    *sender = Some(&source.name);
    let (parts, body) = request.into_parts();
    let body = body_of(body, DOOR_BODY_BYTES_MAX).await?;
    let body = unpacked(&parts.headers, &body, DOOR_BODY_BYTES_MAX)?;
    // Alertmanager tries a webhook again after 5xx only.
    let _permit = endpoint.permit().ok_or(Problem::BusyAdapter)?;
    let settings = source.adapters.settings(adapter);
    let now = endpoint.ports.clock.now();
    let reports = adapter.read(&body, &settings, now).map_err(Problem::Invalid)?;
    endpoint.take_reports(source, &settings, &reports, now).await
}

/// The source of the path, if the request bears its key.
fn holder<'a>(sources: &'a Sources, headers: &HeaderMap, name: &str) -> Result<&'a Source, Problem> {
    let source = adapter_key(headers).and_then(|key| sources.holder(&key)).ok_or(Problem::NoKey)?;
    if source.name == name {
        return Ok(source);
    }
    Err(Problem::Forbidden(format!(
        "this key is that of source {:?}; post to a path that ends with its name",
        source.name
    )))
}

/// All of a body.
pub(crate) async fn body_of(body: axum::body::Body, most: usize) -> Result<Bytes, Problem> {
    // What fails beside the limit is the connection, and then nobody reads the answer.
    to_bytes(body, most).await.map_err(|_| Problem::NotificationTooLarge(most))
}
