//! Answers of the API. In: a resource or an error code. Out: an HTTP response with Twilio's headers.
//!
//! Never: decides which error it is.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde::Serialize;
use serde_json::json;

/// An error of the API: a code, and the HTTP status that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ApiError(pub(crate) u32);

/// Put into a response to have the connection closed without sending any of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HangUp;

impl ApiError {
    pub(crate) fn status(self) -> StatusCode {
        match self.0 {
            20_003 => StatusCode::UNAUTHORIZED,
            20_404 | 21_701 | 30_404 => StatusCode::NOT_FOUND,
            20_004 => StatusCode::METHOD_NOT_ALLOWED,
            20_009 | 20_409 | 30_409 => StatusCode::CONFLICT,
            20_429 => StatusCode::TOO_MANY_REQUESTS,
            20_500 => StatusCode::INTERNAL_SERVER_ERROR,
            20_503 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn response(self) -> Response<Body> {
        let status = self.status();
        let mut response = json(
            status,
            &json!({
                "code": self.0,
                "message": twilio::error_code::meaning(self.0),
                "more_info": format!("https://www.twilio.com/docs/errors/{}", self.0),
                "status": status.as_u16(),
            }),
        );
        if status == StatusCode::UNAUTHORIZED {
            let realm = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        response
    }
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // Our own types serialise; an empty body would show up in every test.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn hang_up() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HangUp);
    response
}
