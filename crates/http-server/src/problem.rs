//! Errors as problem documents (RFC 9457). In: a status and what to say. Out: a response.
//!
//! Never: repeats what a client sent.

use axum::{
    body::HttpBody as _,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

/// What is said of a path that no route has.
pub const NOTHING_HERE: &str = "there is nothing at this path";

/// A problem document. `more` are members beyond the standard ones.
pub fn problem(status: StatusCode, title: &str, detail: &str, more: Value) -> Response {
    let mut body =
        json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    let mut response = (status, body.to_string()).into_response();
    let content_type = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Gives a body to errors that have none: those of the router and of the time limits.
pub(crate) fn describe(response: Response) -> Response {
    let status = response.status();
    let is_empty = response.body().size_hint().exact() == Some(0);
    if !is_empty || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let detail = match status {
        StatusCode::NOT_FOUND => NOTHING_HERE,
        StatusCode::METHOD_NOT_ALLOWED => "this path takes another method, see the header `allow`",
        StatusCode::REQUEST_TIMEOUT => "the request took too long; send it again",
        _ => "see the status",
    };
    let described = problem(status, status.canonical_reason().unwrap_or("Error"), detail, Value::Null);
    let (mut parts, _) = response.into_parts();
    let (_, body) = described.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, body)
}
