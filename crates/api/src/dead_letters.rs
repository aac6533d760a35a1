//! Dead letters: listed, shown, replayed, discarded. In: requests. Out: letters, and what became of them.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use control::{Answer, ControlError, DeadLetterChange, LetterCursor, Request};
use domain::{limits::DEAD_LETTERS_MAX, timeline::DeadLetter};
use jiff::Timestamp;
use ports::store::DeadLetterFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    api_error::ApiError,
    api_state::Api,
    authenticate::Authenticated,
    named::Named,
    parameter::{known, moment, page_size},
    repeatable::{IdempotencyKey, Turn, once},
};

const PAGE_DEFAULT: u16 = 100;

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/v1/dead-letters", get(list))
        .route("/v1/dead-letters/{id}", get(show))
        .route("/v1/dead-letters/{id}/replay", post(replay))
        .route("/v1/dead-letters/{id}/discard", post(discard))
}

/// Which dead letters are listed. What is absent matches all.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct LettersParameters {
    /// With this reason, for example `refused`, `unroutable` or `effect`.
    reason: Option<String>,
    /// Of this workflow.
    workflow: Option<String>,
    /// From this source.
    source: Option<String>,
    /// Dead since this time or later: a time with its zone, or how long ago it was, as `2h` or `3d`.
    #[param(
        pattern = "^([1-9][0-9]{0,3}[hd]|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)$",
        example = "2h"
    )]
    since: Option<String>,
    /// Dead before this time, given in the same way.
    #[param(
        pattern = "^([1-9][0-9]{0,3}[hd]|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)$",
        example = "2026-01-31T09:30:00Z"
    )]
    until: Option<String>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9]{1,20},.+$")]
    after: Option<String>,
    /// At most this many; 100 without it.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 10000)]
    max: Option<String>,
}

/// Something that cannot proceed until it is replayed or discarded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Letter {
    id: String,
    /// A fixed name, for example `refused`, `unroutable` or `effect`.
    reason: String,
    /// What went wrong, in words.
    error: String,
    /// Since when it is dead.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    /// The run of its message, where it is a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The number of its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<u16>,
    attempts: u16,
    /// The event that it holds, as it came; takes the scope `read_texts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
}

impl Letter {
    fn new(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            reason: letter.reason,
            error: letter.error,
            at: letter.at,
            workflow: letter.workflow,
            source: letter.source,
            event_id: letter.event_id,
            run: letter.message.as_ref().map(|message| message.run.to_string()),
            message: letter.message.map(|message| message.number),
            attempts: letter.attempts,
            event: letter.event,
        }
    }
}

/// A page of dead letters, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LetterPage {
    dead_letters: Vec<Letter>,
    /// What `after` takes for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The ids of those that are left out because they cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

/// Lists dead letters, oldest first.
#[utoipa::path(get, path = "/v1/dead-letters", operation_id = "list_dead_letters", tag = "dead letters", params(LettersParameters),
    responses((status = 200, body = LetterPage), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    parameters: Result<Query<LettersParameters>, QueryRejection>,
) -> Result<Json<LetterPage>, ApiError> {
    let Query(LettersParameters { reason, workflow, source, since, until, after, max }) = parameters?;
    let after = after.as_deref().map(cursor).transpose()?;
    let max = page_size(max.as_deref(), PAGE_DEFAULT, DEAD_LETTERS_MAX)?;
    let now = api.ports.clock.now();
    let (since, until) = (moment("since", since.as_deref(), now)?, moment("until", until.as_deref(), now)?);
    known("workflow", workflow.as_deref(), &api.ports.control.workflow_names(&who.principal))?;
    let filter = DeadLetterFilter { reason, workflow, source, since, until };
    let request = Request::ListDeadLetters { filter, after, max };
    let answer = api.ports.control.execute(&who.principal, request).await?;
    let Answer::DeadLetters { letters, more, unreadable } = answer else {
        return Err(ApiError::Unexpected);
    };
    let next =
        letters.last().filter(|_| more).map(|letter| format!("{},{}", letter.at.as_nanosecond(), letter.id));
    let dead_letters = letters.into_iter().map(Letter::new).collect();
    let unreadable = unreadable.into_iter().map(|one| one.id).collect();
    Ok(Json(LetterPage { dead_letters, next, unreadable }))
}

/// A place in the list, as `next` writes it.
fn cursor(text: &str) -> Result<LetterCursor, ApiError> {
    let parsed = text.split_once(',').filter(|(_, id)| !id.is_empty()).and_then(|(at, id)| {
        let at = Timestamp::from_nanosecond(at.parse().ok()?).ok()?;
        Some(LetterCursor { at, id: id.to_owned() })
    });
    parsed.ok_or_else(|| ApiError::Invalid("after: expected the `next` of the page before".to_owned()))
}

/// Shows one dead letter.
#[utoipa::path(get, path = "/v1/dead-letters/{id}", operation_id = "show_dead_letter", tag = "dead letters", params(("id" = String, Path)),
    responses((status = 200, body = Letter), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
) -> Result<Json<Letter>, ApiError> {
    let answer = api.ports.control.execute(&who.principal, Request::ShowDeadLetter { id }).await?;
    let Answer::DeadLetter { letter } = answer else { return Err(ApiError::Unexpected) };
    Ok(Json(Letter::new(*letter)))
}

/// What became of a dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedLetter {
    /// `replayed`, `discarded` or `stale`: to send it now would be wrong.
    result: &'static str,
    /// Why it is stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Gives a dead letter another chance. What is too old stays a dead letter.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/replay", operation_id = "replay_dead_letter", tag = "dead letters",
    params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = ChangedLetter), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn replay(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    change(&api, &who, &headers, id.clone(), Request::Replay { id }).await
}

/// Puts a dead letter away unsent.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/discard", operation_id = "discard_dead_letter", tag = "dead letters",
    params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = ChangedLetter), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn discard(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    change(&api, &who, &headers, id.clone(), Request::Discard { id }).await
}

async fn change(
    api: &Api,
    who: &Authenticated,
    headers: &HeaderMap,
    id: String,
    request: Request,
) -> Result<Response, ApiError> {
    let change = async |turn| {
        // It was replayed or discarded: the letter is there no more, or is another one.
        let Turn::Make(request) = turn else { return Err(ControlError::NoDeadLetter(id).into()) };
        let answer = api.ports.control.execute(&who.principal, *request).await?;
        let Answer::DeadLetterChanged { change } = answer else { return Err(ApiError::Unexpected) };
        let (result, reason) = match change {
            DeadLetterChange::Replayed => ("replayed", None),
            DeadLetterChange::Discarded => ("discarded", None),
            DeadLetterChange::Stale { reason } => ("stale", Some(reason)),
            DeadLetterChange::Gone => return Err(ControlError::NoDeadLetter(id).into()),
        };
        Ok(Json(ChangedLetter { result, reason }).into_response())
    };
    once(api, who, headers, request, None, change).await
}
