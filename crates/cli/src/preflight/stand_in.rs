//! The status endpoint, as long as a preflight asks whether it can be reached and no callout listens. In: posts. Out: what
//! callout would answer to one that names no message of ours.
//!
//! Never: stores anything.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::post,
};
use config::Infrastructure;
use ports::{ProviderWebhooks as _, WebhookError, WebhookPost};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use twilio::{STATUS_PATH, TwilioWebhooks, probe_answer};

/// Listens where callout would, until what is returned is dropped. `None` where somebody listens already, or where the
/// endpoint is another process's.
pub(super) async fn listen(infrastructure: &Infrastructure, webhooks: TwilioWebhooks) -> Option<DropGuard> {
    if !infrastructure.backend.is_embedded() {
        return None;
    }
    let listener = TcpListener::bind(infrastructure.listen).await.ok()?;
    let routes = Router::new().route(STATUS_PATH, post(answer)).with_state(Arc::new(webhooks));
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        // A server that ends early shows as a public URL that cannot be reached.
        drop(axum::serve(listener, routes).with_graceful_shutdown(stopped).await);
    });
    Some(stop.drop_guard())
}

async fn answer(
    State(webhooks): State<Arc<TwilioWebhooks>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let path_and_query = uri.path_and_query().map_or("", |path| path.as_str());
    match webhooks.status(&WebhookPost { path_and_query, header: &header, body: &body }) {
        Ok(report) => (StatusCode::NOT_FOUND, probe_answer(&report.sid.to_string())).into_response(),
        Err(error @ WebhookError::Forged) => (StatusCode::FORBIDDEN, format!("{error}\n")).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}
