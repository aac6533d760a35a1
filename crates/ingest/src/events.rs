//! `POST /v1/events`: CloudEvents of a source that speaks them itself.
//!
//! In: a request. Out: what was accepted, or a problem that names every field.
//! Never: takes an event under an id that another event has.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use domain::acceptance::SameId;
use http_server::events::{Problem, answer, read};

use crate::endpoint::Endpoint;

pub(crate) async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let result = match body {
        Ok(body) => take(&endpoint, &headers, &body).await,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::TooLarge),
        Err(rejection) => Err(Problem::Unreadable(rejection.body_text())),
    };
    result.unwrap_or_else(|problem| {
        problem.log();
        problem.into_response()
    })
}

async fn take(endpoint: &Endpoint, headers: &HeaderMap, body: &[u8]) -> Result<Response, Problem> {
    let _permit = endpoint.permit().ok_or(Problem::Busy)?;
    let now = endpoint.ports.clock.now();
    let sources = endpoint.sources();
    let source = sources.identify(headers, body, now).ok_or(Problem::Unauthenticated)?;
    let (events, is_batch) = read(headers, body)?;
    let accepted = endpoint.accept(source, &events, is_batch, SameId::Conflicts, now).await?;
    Ok(answer(&accepted, is_batch))
}
