//! Changes that their caller may repeat: who heard no answer sends the request again under the same `Idempotency-Key`,
//! and gets the answer that was given.
//!
//! In: a request's key. Out: the kept answer, or a new one that is kept for a day.
//! Never: takes another request for a repetition. Two at the same moment are both carried out, which each change bears.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use domain::{id::short, time::after_s};
use ports::GivenAnswer;

use crate::{api_error::ApiError, api_state::Api, authenticate::Authenticated};

const HEADER: &str = "idempotency-key";
/// How long an answer is kept, in seconds.
const KEPT_S: u32 = 24 * 3_600;
/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 255;
/// Answers are runs with their timelines, which are bounded.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Carries out a change, or gives the answer that was given before. `asked` tells the request from others.
pub(crate) async fn once(
    api: &Api,
    who: &Authenticated,
    headers: &HeaderMap,
    asked: &str,
    change: impl Future<Output = Result<Response, ApiError>>,
) -> Result<Response, ApiError> {
    let Some(key) = key(headers)? else { return change.await };
    let key = short(&["idempotency", &who.token, key]);
    let fingerprint = short(&["request", asked]);
    let now = api.ports.clock.now();
    if let Some(given) = api.ports.answers.answer(&key, now).await? {
        return if given.fingerprint == fingerprint { Ok(again(given)) } else { Err(ApiError::KeyReused) };
    }
    let response = change.await.unwrap_or_else(ApiError::into_response);
    if response.status().is_server_error() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_| ApiError::Unexpected)?;
    let answer = GivenAnswer {
        fingerprint,
        status: parts.status.as_u16(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    api.ports.answers.keep_answer(&key, &answer, now, after_s(now, KEPT_S)).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > KEY_CHARS_MAX {
        let message = format!("Idempotency-Key: expected 1 to {KEY_CHARS_MAX} visible ASCII characters");
        return Err(ApiError::Invalid(message));
    }
    Ok(Some(key))
}

fn again(given: GivenAnswer) -> Response {
    let status = StatusCode::from_u16(given.status).unwrap_or(StatusCode::OK);
    let content_type = if status.is_success() { "application/json" } else { "application/problem+json" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true")),
    ];
    (status, headers, given.body).into_response()
}
