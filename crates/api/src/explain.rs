//! Why somebody was texted, what they were sent, and test pages. In: requests. Out: what is known, with masked numbers.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State, rejection::BytesRejection, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use control::{
    Answer, ControlError, NewTestPage, RecipientExplanation, Request, TEST_PAGE_WITHIN_S_MAX, TestPageReport,
    TextView, Whom,
};
use domain::{id::short, limits::LIST_MAX, token::Scope};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    api_error::ApiError,
    api_state::Api,
    authenticate::Authenticated,
    named::Named,
    policy::{phone, read, time},
    repeatable::{IdempotencyKey, Turn, key, once},
    runs::run as run_id,
};

/// How long before and after a time is looked at without `window_s`, in seconds.
const WINDOW_S_DEFAULT: u32 = 3_600;
/// The most of it: two weeks.
const WINDOW_S_MAX: u32 = 14 * 24 * 3_600;
/// Texts on a page without `max`.
const MAX_DEFAULT: u16 = 50;
/// How long a test page waits without `within_s`, in seconds.
const WITHIN_S_DEFAULT: u32 = 300;

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/v1/explain", get(explain))
        .route("/v1/messages", get(list_messages))
        .route("/v1/test-pages", post(send_test_page))
        .route("/v1/test-pages/{id}", get(show_test_page))
}

/// Who is meant, and when. Either `recipient` or `contact` is needed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainParameters {
    /// The owner of this number, in E.164; write the plus sign as %2B.
    #[param(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+14155550101")]
    recipient: Option<String>,
    /// The contact with this name in contacts.toml.
    contact: Option<String>,
    /// Around this time; now without it.
    #[param(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
        example = "2026-01-31T09:30:00Z"
    )]
    at: Option<String>,
    /// How long before and after that time is looked at, in seconds; an hour without it.
    #[param(minimum = 1, maximum = 1_209_600)]
    window_s: Option<u32>,
}

/// Says why somebody was texted around a time, or was not: who was on call, consent, silences, the runs that texted them and
/// those that did not.
#[utoipa::path(get, path = "/v1/explain", operation_id = "explain_recipient", tag = "explain", params(ExplainParameters),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn explain(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    parameters: Result<Query<ExplainParameters>, QueryRejection>,
) -> Result<Json<RecipientExplanation>, ApiError> {
    let Query(ExplainParameters { recipient, contact, at, window_s }) = parameters?;
    let whom = match (recipient, contact) {
        (Some(number), None) => Whom::Number(phone(&number)?),
        (None, Some(contact)) => Whom::Contact(contact),
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::Unfit("give recipient or contact, one of them".to_owned()));
        }
    };
    let window_s = bounded("window_s", window_s.unwrap_or(WINDOW_S_DEFAULT), WINDOW_S_MAX)?;
    let (at, window) = (
        time("at", at.as_deref())?.unwrap_or_else(|| api.ports.clock.now()),
        SignedDuration::from_secs(window_s.into()),
    );
    let request = Request::ExplainRecipient { whom, from: at - window, until: at + window };
    let Answer::RecipientExplained { explanation } =
        api.ports.control.execute(&who.principal, request).await?
    else {
        return Err(ApiError::Unexpected);
    };
    Ok(Json(*explanation))
}

/// Whose texts are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesParameters {
    /// The number, in E.164; write the plus sign as %2B.
    #[param(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+14155550101")]
    to: String,
    /// Of runs opened at this time or later.
    #[param(
        pattern = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
        example = "2026-01-31T09:30:00Z"
    )]
    since: Option<String>,
    /// At most this many; 50 without it.
    #[param(minimum = 1, maximum = 1000)]
    max: Option<u16>,
}

/// Texts to one number.
#[derive(Debug, Serialize)]
pub(crate) struct Messages {
    /// Latest first. None has its text.
    messages: Vec<TextView>,
    /// Whether there may be older ones.
    more: bool,
}

/// Lists the texts to a number, latest first, with what became of each.
#[utoipa::path(get, path = "/v1/messages", operation_id = "list_messages", tag = "explain", params(MessagesParameters),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_messages(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    parameters: Result<Query<MessagesParameters>, QueryRejection>,
) -> Result<Json<Messages>, ApiError> {
    let Query(MessagesParameters { to, since, max }) = parameters?;
    let max = bounded("max", max.unwrap_or(MAX_DEFAULT), LIST_MAX)?;
    let request = Request::ListTexts { to: phone(&to)?, since: time("since", since.as_deref())?, max };
    let Answer::Texts { texts, more } = api.ports.control.execute(&who.principal, request).await? else {
        return Err(ApiError::Unexpected);
    };
    Ok(Json(Messages { messages: texts, more }))
}

/// A test page that is to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestPageBody {
    /// By the name in contacts.toml.
    contact: String,
    /// Whether the contact is asked to reply; so it is without it.
    reply: Option<bool>,
    /// How long the text, and the reply, may take, in seconds; five minutes without it.
    // A whole number may be written as 300.0.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3600)]
    within_s: Option<f64>,
}

/// Sends a text that is marked as a test through policy, limits and the provider. `Location` says where its report is, which
/// is also the answer.
#[utoipa::path(post, path = "/v1/test-pages", operation_id = "send_test_page", tag = "explain", request_body = TestPageBody, params(IdempotencyKey),
    responses((status = 202, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn send_test_page(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let TestPageBody { contact, reply, within_s } = read(body)?;
    let within_s = match within_s {
        None => WITHIN_S_DEFAULT,
        Some(seconds) if seconds.fract() == 0.0 => {
            bounded("within_s", seconds, f64::from(TEST_PAGE_WITHIN_S_MAX))? as u32
        }
        Some(_) => return Err(ApiError::Invalid("within_s: expected a whole number of seconds".to_owned())),
    };
    let wants_reply = reply.unwrap_or(true);
    // A process that dies before it answers has opened the run of that name, which the repetition finds.
    let name = key(&headers)?.map(|named| short(&["test-page", &who.token, named]));
    let request = Request::TestPage(NewTestPage { contact, wants_reply, within_s, name });
    // It has no basis that could be gone, so each turn is to send it.
    let made = async |turn| {
        let Turn::Make(request) = turn else { return Err(ApiError::Unexpected) };
        let Answer::Run { run, .. } = api.ports.control.execute(&who.principal, *request).await? else {
            return Err(ApiError::Unexpected);
        };
        let location = format!("/v1/test-pages/{}", run.id);
        let report = TestPageReport::of(&run, wants_reply);
        Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(report)).into_response())
    };
    once(&api, &who, &headers, request, None, made).await
}

/// Says what came of a test page so far: how long each leg took, and what is missing.
#[utoipa::path(get, path = "/v1/test-pages/{id}", operation_id = "show_test_page", tag = "explain",
    params(("id" = String, Path, pattern = "^r[01][0-9a-hjkmnp-tv-z]{17}$")),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_test_page(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
) -> Result<Json<TestPageReport>, ApiError> {
    // Who may read nothing is not told what an id looks like.
    if !who.principal.may(Scope::Read) {
        return Err(ControlError::Forbidden { name: who.principal.name.clone(), scope: Scope::Read }.into());
    }
    let request = Request::ShowTestPage { id: run_id(&id)? };
    let Answer::TestPage { report } = api.ports.control.execute(&who.principal, request).await? else {
        return Err(ApiError::Unexpected);
    };
    Ok(Json(report))
}

fn bounded<T: PartialOrd + From<u8> + std::fmt::Display>(
    name: &str,
    value: T,
    most: T,
) -> Result<T, ApiError> {
    if value < T::from(1) || value > most {
        return Err(ApiError::Invalid(format!("{name}: expected 1 to {most}")));
    }
    Ok(value)
}
