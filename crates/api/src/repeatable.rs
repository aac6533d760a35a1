//! Changes that their caller may repeat: who heard no answer sends the request again under the same `Idempotency-Key`,
//! and gets the answer that was given.
//!
//! In: a request's key. Out: the kept answer, or a new one that is kept for a day.
//! Never: takes another request for a repetition, or carries out two at the same moment: the second is told to come again.
//!
//! A process that dies between a change and its answer leaves the key claimed for as long as a request can take. What the
//! change began with is kept as well, before it is made: the repetition that comes then makes it only if it finds that
//! still, and is answered with what there is if it does not.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use control::Request;
use domain::{id::short, time::after_s};
use ports::GivenAnswer;
use serde_json::Value;
use utoipa::IntoParams;

use crate::{
    api_error::{ApiError, Unasked},
    api_state::Api,
    authenticate::Authenticated,
};

const HEADER: &str = "idempotency-key";
/// How long an answer is kept, in seconds.
const KEPT_S: u32 = 24 * 3_600;
/// How long a request may be under way, in seconds: longer than the listener lets one take.
const UNDER_WAY_S: u32 = 35;
/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 255;
/// Answers are runs with their timelines, which are bounded.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What makes a request one that may be repeated.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `once` reads")]
pub(crate) struct IdempotencyKey {
    /// A name of the caller's own for this request. Repeated under it, the request is answered as before; another one is
    /// refused with 422.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, pattern = "^[!-~]{1,255}$")]
    key: Option<String>,
}

/// What comes of the request this time.
pub(crate) enum Turn {
    /// The change is to be made.
    Make(Box<Request>),
    /// It was made, or there is nothing left to be changed: a process that claimed the key died before it had an answer.
    Made,
}

/// Carries out a change to what is at this version, or at any, or gives the answer that was given before.
pub(crate) async fn once<F: Future<Output = Result<Response, ApiError>>>(
    api: &Api,
    who: &Authenticated,
    headers: &HeaderMap,
    request: Request,
    version: Option<u64>,
    change: impl FnOnce(Turn) -> F,
) -> Result<Response, ApiError> {
    // Whoever is stopped is refused, also what was answered before.
    let named = key(headers)?.filter(|_| !who.principal.is_stopped);
    let Some(named) = named else { return change(Turn::Make(Box::new(request))).await };
    let key = short(&["idempotency", &who.token, named]);
    let fingerprint = short(&["request", &format!("{version:?} {request:?}")]);
    let (answers, now) = (&api.ports.answers, api.ports.clock.now());
    let under_way = GivenAnswer { fingerprint, status: None, etag: None, body: String::new() };
    // Claimed before anything is done, so that of several at one moment one is carried out.
    while !answers.keep_answer(&key, &under_way, now, after_s(now, UNDER_WAY_S)).await? {
        // `None`: its time ended just now, and it can be claimed.
        if let Some(given) = answers.answer(&key, now).await? {
            return again(given, &under_way.fingerprint);
        }
    }
    let begun = short(&["idempotency-begun", &who.token, named]);
    let response = match is_made(api, who, &begun, &under_way.fingerprint, &request, version).await {
        Ok(true) => change(Turn::Made).await,
        Ok(false) => change(Turn::Make(Box::new(request))).await,
        Err(error) => Err(error),
    };
    let response = response.unwrap_or_else(ApiError::into_response);
    if response.status().is_server_error() {
        // It may be asked again at once.
        answers.replace_answer(&key, &under_way, now).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_| ApiError::Unexpected)?;
    let answer = GivenAnswer {
        status: Some(parts.status.as_u16()),
        etag: parts.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned),
        body: String::from_utf8_lossy(&bytes).into_owned(),
        ..under_way
    };
    answers.replace_answer(&key, &answer, after_s(now, KEPT_S)).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// Whether an earlier process began the change, and what it began with is there no more. Notes it for those that follow.
async fn is_made(
    api: &Api,
    who: &Authenticated,
    begun: &str,
    fingerprint: &str,
    request: &Request,
    version: Option<u64>,
) -> Result<bool, ApiError> {
    // What is changed at one version is not changed twice.
    if version.is_some() {
        return Ok(false);
    }
    let Some(basis) = api.ports.control.basis(&who.principal, request).await? else { return Ok(false) };
    let (answers, now) = (&api.ports.answers, api.ports.clock.now());
    let noted = GivenAnswer { fingerprint: fingerprint.to_owned(), status: None, etag: None, body: basis };
    if answers.keep_answer(begun, &noted, now, after_s(now, KEPT_S)).await? {
        return Ok(false);
    }
    Ok(answers.answer(begun, now).await?.is_some_and(|first| first != noted))
}

/// The key of a request, if it has one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::Invalid("Idempotency-Key: expected one, and there are several".to_owned()));
    }
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("Idempotency-Key: expected 1 to {KEY_CHARS_MAX} visible ASCII characters");
        return Err(ApiError::Invalid(message));
    }
    Ok(Some(key))
}

/// The answer that was given, if it was given to the same request.
fn again(given: GivenAnswer, fingerprint: &str) -> Result<Response, ApiError> {
    if given.fingerprint != fingerprint {
        return Err(ApiError::KeyReused);
    }
    let status = given.status.ok_or(ApiError::UnderWay)?;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let content_type = if status.is_success() { "application/json" } else { "application/problem+json" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true")),
    ];
    // Asked for again, it is refused again.
    let problem: Value = serde_json::from_str(&given.body).unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or("refused").to_owned();
    let mut response = (status, headers, given.body).into_response();
    if !status.is_success() {
        response.extensions_mut().insert(Unasked(code.into()));
    }
    if let Some(Ok(etag)) = given.etag.map(HeaderValue::try_from) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}
