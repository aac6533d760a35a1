//! `POST /v1/events`: CloudEvents of a source that speaks them itself.
//!
//! In: a request. Out: what was accepted, or a problem that names every field.
//! Never: takes an event under an id that another event has.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    endpoint::{Accepted, Endpoint, SameId},
    problem::Problem,
    request,
};

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
    let (events, is_batch) = request::read(headers, body)?;
    let accepted = endpoint.accept(source, &events, is_batch, SameId::Conflicts, now).await?;
    Ok(answer(&accepted, is_batch))
}

/// 202 when something was taken, 200 when all of it was known or of no use to any workflow; with the runs that the events open, and warnings.
pub(crate) fn answer(accepted: &Accepted, is_batch: bool) -> Response {
    let Accepted { events, runs, warnings, fresh, known } = accepted;
    let (status, word) =
        if *fresh > 0 { (StatusCode::ACCEPTED, "accepted") } else { (StatusCode::OK, "known") };
    let mut body = match events.as_slice() {
        [event] if !is_batch => json!({"status": word, "event": event, "runs": runs}),
        _ => json!({"status": word, "accepted": fresh, "known": known, "events": events, "runs": runs}),
    };
    if !warnings.is_empty() {
        body["warnings"] = json!(warnings);
    }
    (status, Json(body)).into_response()
}
