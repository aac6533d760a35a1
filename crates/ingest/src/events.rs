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
use http_server::events::{Problem, answer, ids, read};

use crate::{access::Sources, endpoint::Endpoint};

pub(crate) async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (sources, mut sender) = (endpoint.sources(), None);
    let (taken, body) = match body {
        Ok(body) => (take(&endpoint, &sources, &headers, &body, &mut sender).await, body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            (Err(Problem::TooLarge), Bytes::new())
        }
        Err(rejection) => (Err(Problem::Unreadable(rejection.body_text())), Bytes::new()),
    };
    taken.unwrap_or_else(|problem| {
        // What a stranger calls its events is of no use to anybody.
        let ids = sender.map(|_| ids(&headers, &body)).unwrap_or_default();
        problem.report(sender, &ids);
        problem.into_response()
    })
}

/// `sender` is the name of the source, once it is known.
async fn take<'a>(
    endpoint: &Endpoint,
    sources: &'a Sources,
    headers: &HeaderMap,
    body: &[u8],
    sender: &mut Option<&'a str>,
) -> Result<Response, Problem> {
    let _permit = endpoint.permit().ok_or(Problem::Busy)?;
    let now = endpoint.ports.clock.now();
    let source = sources.identify(headers, body, now).ok_or(Problem::Unauthenticated)?;
    *sender = Some(&source.name);
    let (events, is_batch) = read(headers, body)?;
    let accepted = endpoint.accept(source, &events, is_batch, SameId::Conflicts, now).await?;
    Ok(answer(&accepted, is_batch))
}
