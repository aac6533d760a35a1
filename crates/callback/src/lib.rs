//! Takes the provider's status callbacks and the recipients' replies.
//!
//! In: signed form posts, and browsers that follow the link of a text. Out: stored statuses, consent and acknowledgements, then the answer; and a "look now" where
//! a decision is due.
//! Never: answers 2xx before it is durable, or decides what follows from a status.

mod callback_ports;
mod inbound;
mod link;
mod receiver;
mod rejection;
mod status;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::limits::CALLBACK_BODY_BYTES_MAX;
use ports::{WebhookError, WebhookPost};
use runtime::RunCache;

pub use crate::callback_ports::CallbackPorts;
use crate::{receiver::Receiver, rejection::Rejection};

/// The receiver's routes.
pub fn router(ports: CallbackPorts) -> Router {
    let (status, inbound) = (ports.webhooks.status_path(), ports.webhooks.inbound_path());
    Router::new()
        .route(status, post(receive_status))
        .route(inbound, post(receive_inbound))
        .route(link::ROUTE, get(link::show).post(link::acknowledge))
        .layer(DefaultBodyLimit::max(CALLBACK_BODY_BYTES_MAX))
        .with_state(Arc::new(Receiver { ports, cache: RunCache::default() }))
}

async fn receive_status(
    State(receiver): State<Arc<Receiver>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let report = read(&uri, &headers, &body, |post| receiver.ports.webhooks.status(post));
    let stored = match report {
        Ok(report) => status::receive(&receiver.ports, &receiver.cache, report).await,
        Err(rejection) => Err(rejection),
    };
    match stored {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(rejection) => reject(&rejection),
    }
}

async fn receive_inbound(
    State(receiver): State<Arc<Receiver>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = read(&uri, &headers, &body, |post| receiver.ports.webhooks.inbound(post));
    let stored = match text {
        Ok(text) => inbound::receive(&receiver.ports, &text).await,
        Err(rejection) => Err(rejection),
    };
    match stored.or_else(ignore_no_phone) {
        Ok(()) => {
            let (content_type, body) = receiver.ports.webhooks.no_reply();
            ([("content-type", content_type)], body).into_response()
        }
        Err(rejection) => reject(&rejection),
    }
}

/// A signed text from no phone is counted and answered like any other: the provider would only report it as an error.
fn ignore_no_phone(rejection: Rejection) -> Result<(), Rejection> {
    let Rejection::Webhook(WebhookError::NoPhone { kind }) = rejection else { return Err(rejection) };
    telemetry::metrics().intake.ignored_text(kind);
    tracing::info!(kind, "a text from a sender that is no phone number was ignored");
    Ok(())
}

fn read<T>(
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    read: impl FnOnce(&WebhookPost<'_>) -> Result<T, WebhookError>,
) -> Result<T, Rejection> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let path_and_query = uri.path_and_query().map_or("", |path| path.as_str());
    Ok(read(&WebhookPost { path_and_query, header: &header, body })?)
}

fn reject(rejection: &Rejection) -> Response {
    let status = match rejection {
        Rejection::Webhook(WebhookError::Forged) => StatusCode::FORBIDDEN,
        Rejection::Webhook(WebhookError::Malformed(_) | WebhookError::NoPhone { .. }) => {
            StatusCode::BAD_REQUEST
        }
        Rejection::Unknown(_) => StatusCode::NOT_FOUND,
        Rejection::NotStored(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    tracing::warn!(status = status.as_u16(), error = %rejection, "a post to the callback receiver was not taken");
    (status, [("content-type", "text/plain; charset=utf-8")], format!("{rejection}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b8_a_text_from_no_phone_is_counted_and_taken() {
        for kind in ["short_code", "name", "other_channel"] {
            let taken = ignore_no_phone(Rejection::Webhook(WebhookError::NoPhone { kind }));
            assert!(taken.is_ok(), "{kind}");
            let counted = format!("callout_ignored_texts_total{{kind=\"{kind}\"}} 1");
            assert!(telemetry::metrics().open_metrics().contains(&counted), "{kind}");
        }
        assert!(ignore_no_phone(Rejection::Webhook(WebhookError::Forged)).is_err());
    }
}
