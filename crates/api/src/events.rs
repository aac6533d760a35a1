//! Events that are sent with a token. In: CloudEvents. Out: what was taken of them, as `ingest` answers.
//!
//! Never: takes an event under an id that another event has.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use domain::{id::RunId, limits::EVENT_BODY_BYTES_MAX};
use http_server::events::{EVENTS_PATH, Problem, answer, ids, read};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{api_state::Api, authenticate::Authenticated};

pub(crate) fn routes() -> Router<Arc<Api>> {
    let body_max = DefaultBodyLimit::max(EVENT_BODY_BYTES_MAX);
    Router::new().route(EVENTS_PATH, post(receive).layer(body_max))
}

/// A CloudEvent 1.0 in structured form; docs/events.md says more.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Event` reads")]
struct CloudEvent {
    /// `1.0`.
    specversion: String,
    /// Names the event within its source. The same id again is the same event, and is taken once.
    id: String,
    /// `/callout/tokens/` and the label of the token.
    source: String,
    /// For example `incident.created`; the token must allow it.
    r#type: String,
    /// What the event is about.
    subject: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    time: Option<Timestamp>,
    /// What the workflow's schema asks for.
    #[schema(value_type = Object)]
    data: Value,
}

/// What was taken.
#[derive(Serialize, ToSchema)]
struct TakenEvents {
    /// `accepted`, or `known`: all of it came before.
    status: String,
    /// The source and id of the event, where it came alone.
    #[schema(value_type = Option<Object>)]
    event: Option<Value>,
    /// The sources and ids of the events of a batch.
    #[schema(value_type = Option<Vec<Object>>)]
    events: Option<Value>,
    /// How many events of a batch were taken.
    accepted: Option<usize>,
    /// How many events of a batch came before.
    known: Option<usize>,
    /// The runs that they open.
    #[schema(value_type = Vec<String>)]
    runs: Vec<RunId>,
    /// What their sender should know.
    warnings: Option<Vec<String>>,
}

/// Takes events, all of them or none. Send one with the type `application/cloudevents+json`, or a list of them with
/// `application/cloudevents-batch+json`. The token needs the scope `raise:` and their type.
#[utoipa::path(post, path = "/v1/events", operation_id = "send_events", tag = "events",
    request_body(content((CloudEvent = "application/cloudevents+json"), (Vec<CloudEvent> = "application/cloudevents-batch+json"))),
    responses((status = 202, body = TakenEvents), (status = 200, description = "All of it was known", body = TakenEvents),
        (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn receive(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let unread = || api.ports.control.log_refusal(&who.principal, "raise", "invalid_arguments");
    let (taken, body) = match body {
        Ok(body) => (take(&api, &who, &headers, &body).await, body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            unread();
            (Err(Problem::TooLarge), Bytes::new())
        }
        Err(rejection) => {
            unread();
            (Err(Problem::Unreadable(rejection.body_text())), Bytes::new())
        }
    };
    taken.unwrap_or_else(|problem| {
        problem.report(Some(&who.principal.source), &ids(&headers, &body));
        problem.into_response()
    })
}

async fn take(api: &Api, who: &Authenticated, headers: &HeaderMap, body: &[u8]) -> Result<Response, Problem> {
    let unread = || api.ports.control.log_refusal(&who.principal, "raise", "invalid_fields");
    let (events, is_batch) = read(headers, body).inspect_err(|_| unread())?;
    let accepted = api.ports.control.raise(&who.principal, &events, is_batch).await?;
    Ok(answer(&accepted, is_batch))
}
