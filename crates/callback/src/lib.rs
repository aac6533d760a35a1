//! Takes the provider's status callbacks and the recipients' replies.
//!
//! In: signed form posts. Out: stored statuses, consent and acknowledgements, then the answer; and a "look now" where
//! a decision is due.
//! Never: answers 2xx before it is durable, or decides what follows from a status.

mod inbound;
mod status;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use domain::limits::CALLBACK_BODY_BYTES_MAX;
use runtime::{Context, RoleError, RunCache};
use twilio::{Form, SignatureVerifier};

/// Where Twilio posts statuses, below the public URL.
pub const STATUS_PATH: &str = "/v1/twilio/status";
/// Where Twilio posts replies, below the public URL.
pub const INBOUND_PATH: &str = "/v1/twilio/inbound";

/// What the receiver must know to believe a post.
pub struct CallbackConfig {
    /// Scheme, host and port that Twilio was given and signs, without a trailing slash.
    /// Headers that a proxy or a caller may set are never used for it.
    pub public_url: String,
    /// Knows the current and the next auth token.
    pub verifier: SignatureVerifier,
}

struct Receiver {
    ctx: Arc<Context>,
    config: CallbackConfig,
    /// Statuses of a text come soon after one another.
    recent: RunCache,
}

/// The receiver's routes.
pub fn router(ctx: Arc<Context>, config: CallbackConfig) -> Router {
    Router::new()
        .route(STATUS_PATH, post(receive_status))
        .route(INBOUND_PATH, post(receive_inbound))
        .layer(DefaultBodyLimit::max(CALLBACK_BODY_BYTES_MAX))
        .with_state(Arc::new(Receiver { ctx, config, recent: RunCache::default() }))
}

async fn receive_status(
    State(receiver): State<Arc<Receiver>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match receiver.believed(&uri, &headers, &body) {
        Ok(form) => {
            let stored = status::receive(&receiver.ctx, &receiver.recent, &form, uri.query()).await;
            answer(stored, StatusCode::NO_CONTENT)
        }
        Err(rejection) => reject(&rejection),
    }
}

async fn receive_inbound(
    State(receiver): State<Arc<Receiver>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match receiver.believed(&uri, &headers, &body) {
        Ok(form) => match inbound::receive(&receiver.ctx, &form).await {
            // The provider sends any other body on to the phone.
            Ok(()) => ([("content-type", "text/xml")], "<Response/>").into_response(),
            Err(rejection) => reject(&rejection),
        },
        Err(rejection) => reject(&rejection),
    }
}

/// Why a post was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    /// No signature, or not one of ours.
    #[error("the signature does not match: check the auth token, and that public_url is what Twilio calls")]
    Forged,
    /// It is signed, but not what Twilio sends.
    #[error(transparent)]
    Malformed(#[from] twilio::WebhookError),
    /// It names nothing we know.
    #[error("no message of ours has the SID {0}")]
    Unknown(String),
    /// It could not be stored; the provider tries again.
    #[error(transparent)]
    NotStored(#[from] RoleError),
}

impl Receiver {
    fn believed(&self, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Form, Rejection> {
        let form = Form::parse(body).map_err(twilio::WebhookError::from)?;
        let url =
            format!("{}{}", self.config.public_url, uri.path_and_query().map_or("", |path| path.as_str()));
        let signature = headers.get("x-twilio-signature").and_then(|value| value.to_str().ok()).unwrap_or("");
        if self.config.verifier.verify(&url, form.params(), signature) {
            Ok(form)
        } else {
            Err(Rejection::Forged)
        }
    }
}

fn answer(result: Result<(), Rejection>, done: StatusCode) -> Response {
    match result {
        Ok(()) => done.into_response(),
        Err(rejection) => reject(&rejection),
    }
}

fn reject(rejection: &Rejection) -> Response {
    let status = match rejection {
        Rejection::Forged => StatusCode::FORBIDDEN,
        Rejection::Malformed(_) => StatusCode::BAD_REQUEST,
        Rejection::Unknown(_) => StatusCode::NOT_FOUND,
        Rejection::NotStored(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    tracing::warn!(status = status.as_u16(), error = %rejection, "a post to the callback receiver was not taken");
    (status, [("content-type", "text/plain; charset=utf-8")], format!("{rejection}\n")).into_response()
}
