//! Runs: listed, shown, changed. In: requests. Out: runs, each with its timeline where it is one.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use control::{Answer, Request, RunConditions, RunQuery, RunView};
use domain::{id::RunId, message::ReviewVerdict, phone::E164, provider::ProviderMessageId, run::RunPhase};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Object, ObjectBuilder, Type},
};

use crate::{
    api_error::ApiError,
    api_state::Api,
    authenticate::Authenticated,
    named::Named,
    parameter::{flag, known, moment, page_size, parsed},
    precondition::{IfMatch, etag, expected_version},
    repeatable::{IdempotencyKey, Turn, once},
};

/// Most runs of one page.
const PAGE_MAX: u16 = 500;
const PAGE_DEFAULT: u16 = 50;

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/v1/runs", get(list))
        .route("/v1/runs/{id}", get(show))
        .route("/v1/runs/{id}/acknowledge", post(acknowledge))
        .route("/v1/runs/{id}/escalate", post(escalate))
        .route("/v1/runs/{id}/cancel", post(cancel))
        .route("/v1/runs/{id}/resolve-doubt", post(resolve_doubt))
}

/// Which runs are listed. What is absent matches all.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsParameters {
    /// In this phase: active, acknowledged, completed, resolved, exhausted, suppressed, expired or cancelled.
    #[param(schema_with = phase, example = "active")]
    phase: Option<String>,
    /// Of this workflow.
    workflow: Option<String>,
    /// Opened by events of this source.
    source: Option<String>,
    /// Opened by the event with this id.
    event: Option<String>,
    /// About this subject.
    subject: Option<String>,
    /// With a message to this number, in E.164; write the plus sign as %2B.
    #[param(value_type = Option<String>, pattern = r"^\+[1-9][0-9]{6,14}$", example = "+14155550101")]
    to: Option<String>,
    /// With a message to the number of this keyed hash, as messages and the log show it.
    #[param(value_type = Option<String>, pattern = "^[0-9a-hjkmnp-tv-z]{16}$", example = "k2v9x0a7dq0v8x1z")]
    to_hash: Option<String>,
    /// Opened at this time or later: a time with its zone, or how long ago it was, as `2h` or `3d`.
    #[param(
        pattern = "^([1-9][0-9]{0,3}[hd]|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)$",
        example = "2h"
    )]
    since: Option<String>,
    /// Opened before this time, given in the same way.
    #[param(
        pattern = "^([1-9][0-9]{0,3}[hd]|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)$",
        example = "2026-01-31T09:30:00Z"
    )]
    until: Option<String>,
    /// Only with messages that a person must review.
    #[param(value_type = Option<bool>)]
    needs_review: Option<String>,
    /// Only with something to be done, to be expected or to be reviewed.
    #[param(value_type = Option<bool>)]
    unfinished: Option<String>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>, pattern = "^r[01][0-9a-hjkmnp-tv-z]{17}$")]
    after: Option<String>,
    /// At most this many; 50 without it.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    max: Option<String>,
}

impl RunsParameters {
    /// What is asked for at this time.
    fn query(self, now: Timestamp) -> Result<RunQuery, ApiError> {
        let phase = self.phase.as_deref().map(phase_named).transpose()?;
        let number = "a number in E.164, with its plus sign written as %2B";
        let to: Option<E164> = parsed("to", self.to.as_deref(), number, "%2B14155550101")?;
        let hash = "the keyed hash of a number, as messages show it";
        let to_hash = parsed("to_hash", self.to_hash.as_deref(), hash, "k2v9x0a7dq0v8x1z")?;
        let since = moment("since", self.since.as_deref(), now)?;
        let until = moment("until", self.until.as_deref(), now)?;
        let next = "the `next` of the page before";
        Ok(RunQuery {
            phase,
            needs_review: flag("needs_review", self.needs_review.as_deref())?,
            unfinished: flag("unfinished", self.unfinished.as_deref())?,
            after: parsed("after", self.after.as_deref(), next, "r1vgy6dzd2dqxdh6ydh")?,
            max: page_size(self.max.as_deref(), PAGE_DEFAULT, PAGE_MAX)?,
            conditions: RunConditions { event: self.event, subject: self.subject, to, to_hash, since, until },
            workflow: self.workflow,
            source: self.source,
        })
    }
}

fn phase_named(text: &str) -> Result<RunPhase, ApiError> {
    let known = RunPhase::ALL.iter().find(|phase| phase.as_str() == text).copied();
    known.ok_or_else(|| {
        let names = RunPhase::ALL.map(RunPhase::as_str).join(", ");
        ApiError::Invalid(format!("phase: expected one of {names}, for example phase=active"))
    })
}

/// The phases of a run.
fn phase() -> Object {
    let names = RunPhase::ALL.map(RunPhase::as_str);
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}

/// A page of runs, latest first, without their timelines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunPage {
    runs: Vec<RunView>,
    /// What `after` takes for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The ids of those that are left out because they cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

/// Lists runs, latest first.
#[utoipa::path(get, path = "/v1/runs", operation_id = "list_runs", tag = "runs", params(RunsParameters),
    responses((status = 200, body = RunPage), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    parameters: Result<Query<RunsParameters>, QueryRejection>,
) -> Result<Json<RunPage>, ApiError> {
    let query = parameters?.0.query(api.ports.clock.now())?;
    known("workflow", query.workflow.as_deref(), &api.ports.control.workflow_names(&who.principal))?;
    let answer = api.ports.control.execute(&who.principal, Request::ListRuns(query)).await?;
    let Answer::Runs { runs, more, stopped_after, unreadable } = answer else {
        return Err(ApiError::Unexpected);
    };
    let last = runs.last().filter(|_| more).map(|run| run.id.clone());
    let next = stopped_after.map(|id| id.to_string()).or(last);
    let unreadable = unreadable.into_iter().map(|one| one.id).collect();
    Ok(Json(RunPage { runs, next, unreadable }))
}

/// What is shown with a run.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShowParameters {
    /// With the texts of its messages; takes the scope `read_texts`.
    #[param(value_type = Option<bool>)]
    texts: Option<String>,
}

/// Shows a run with its messages and its timeline.
#[utoipa::path(get, path = "/v1/runs/{id}", operation_id = "show_run", tag = "runs", params(("id" = String, Path, pattern = "^r[01][0-9a-hjkmnp-tv-z]{17}$"), ShowParameters),
    responses((status = 200, body = RunView, headers(("etag" = String, description = "The version of the run"))),
        (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    parameters: Result<Query<ShowParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let reveal = flag("texts", parameters?.texts.as_deref())?;
    let answer =
        api.ports.control.execute(&who.principal, Request::ShowRun { id: run(&id)?, reveal }).await?;
    let Answer::Run { run, version, .. } = answer else { return Err(ApiError::Unexpected) };
    Ok((etag(version), Json(run)).into_response())
}

/// A run after a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedRun {
    run: RunView,
    /// Whether the request changed anything.
    changed: bool,
}

/// Takes a run on, so that nobody else is notified.
#[utoipa::path(post, path = "/v1/runs/{id}/acknowledge", operation_id = "acknowledge_run", tag = "runs",
    params(("id" = String, Path, pattern = "^r[01][0-9a-hjkmnp-tv-z]{17}$"), IfMatch, IdempotencyKey),
    responses((status = 200, body = ChangedRun), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn acknowledge(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    change(&api, &who, &headers, run(&id)?, |id| Request::Acknowledge { id }).await
}

/// Has a run move on to its next step now, also one that somebody has acknowledged. Two requests about the step that both saw move it on once.
#[utoipa::path(post, path = "/v1/runs/{id}/escalate", operation_id = "escalate_run", tag = "runs",
    params(("id" = String, Path, pattern = "^r[01][0-9a-hjkmnp-tv-z]{17}$"), IfMatch, IdempotencyKey),
    responses((status = 200, body = ChangedRun), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn escalate(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    change(&api, &who, &headers, run(&id)?, |id| Request::Escalate { id }).await
}

/// Ends a run without sending another text.
#[utoipa::path(post, path = "/v1/runs/{id}/cancel", operation_id = "cancel_run", tag = "runs",
    params(("id" = String, Path, pattern = "^r[01][0-9a-hjkmnp-tv-z]{17}$"), IfMatch, IdempotencyKey),
    responses((status = 200, body = ChangedRun), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    change(&api, &who, &headers, run(&id)?, |id| Request::Cancel { id }).await
}

/// What became of a text of which only a person can tell whether it was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Doubt {
    /// The number of the message; needed if several of the run need a review.
    #[schema(maximum = 65535)]
    message: Option<u16>,
    /// Whether it was sent. One that was not is sent now, if it is still wanted.
    sent: bool,
    /// The provider's name for a text that was sent; its status is then followed.
    #[schema(pattern = "^[!-~]{1,64}$")]
    sid: Option<String>,
}

/// Says whether a text was sent.
#[utoipa::path(post, path = "/v1/runs/{id}/resolve-doubt", tag = "runs", request_body = Doubt,
    params(("id" = String, Path, pattern = "^r[01][0-9a-hjkmnp-tv-z]{17}$"), IfMatch, IdempotencyKey),
    responses((status = 200, body = ChangedRun), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn resolve_doubt(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|rejection| ApiError::Invalid(rejection.body_text()))?;
    let doubt: Doubt =
        serde_json::from_slice(&body).map_err(|error| ApiError::Invalid(format!("the body: {error}")))?;
    let sid = doubt.sid.as_deref().map(str::parse::<ProviderMessageId>).transpose();
    let sid = sid.map_err(|error| ApiError::Invalid(format!("sid: {error}")))?;
    let verdict = match (doubt.sent, sid) {
        (true, sid) => ReviewVerdict::Sent { sid },
        (false, None) => ReviewVerdict::NotSent,
        (false, Some(_)) => {
            return Err(ApiError::Invalid("sid: a text that was not sent has none".to_owned()));
        }
    };
    let message = doubt.message;
    let request = |id| Request::ResolveReview { id, message, verdict };
    change(&api, &who, &headers, run(&id)?, request).await
}

async fn change(
    api: &Api,
    who: &Authenticated,
    headers: &HeaderMap,
    id: RunId,
    request: impl FnOnce(RunId) -> Request,
) -> Result<Response, ApiError> {
    let request = request(id.clone());
    let version = expected_version(headers)?;
    let change = async |turn| {
        let (control, principal) = (&api.ports.control, &who.principal);
        let answer = match turn {
            Turn::Make(request) => control.execute_at(principal, *request, version).await?,
            Turn::Made => control.execute(principal, Request::ShowRun { id, reveal: false }).await?,
        };
        let Answer::Run { run, changed, version } = answer else { return Err(ApiError::Unexpected) };
        Ok((etag(version), Json(ChangedRun { run: *run, changed })).into_response())
    };
    once(api, who, headers, request, version, change).await
}

pub(crate) fn run(id: &str) -> Result<RunId, ApiError> {
    id.parse().map_err(|_| ApiError::Invalid("expected the id of a run, as lists show it".to_owned()))
}
