//! The HTTP API for tools and people: runs, dead letters, counts, and a stream of what happens.
//!
//! In: requests that bear a token. Out: JSON, by the document in `docs/schemas/openapi.json`.
//! Never: decides who may do what, or changes anything: `control` does, for the command line as well.

mod api_error;
mod audit;
mod authenticate;
mod dead_letters;
mod document;
mod precondition;
mod remote;
mod repeatable;
mod runs;
mod status;
mod stream;

use std::sync::Arc;

use axum::Router;
use control::Control;
use ports::{AnswerStore, Clock, OutcomeLog, TokenStore};
use tokio_util::sync::CancellationToken;

pub use crate::{document::document, remote::REMOTE_PATH, stream::StreamClient};

/// What the API uses, and nothing else.
#[derive(Clone)]
pub struct ApiPorts {
    /// Carries out what is asked for.
    pub control: Control,
    /// Who asks.
    pub tokens: Arc<dyn TokenStore>,
    /// What repeated requests are answered with.
    pub answers: Arc<dyn AnswerStore>,
    /// What the stream is read from.
    pub log: Arc<dyn OutcomeLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the API says of the installation.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The environment's name.
    pub environment: String,
    /// The version of callout.
    pub version: &'static str,
    /// Streams end when it is cancelled; their readers come back.
    pub stop: CancellationToken,
}

#[derive(Clone)]
struct Api {
    ports: ApiPorts,
    settings: ApiSettings,
}

/// The API's routes.
pub fn router(ports: ApiPorts, settings: ApiSettings) -> Router {
    let api = Arc::new(Api { ports, settings });
    Router::new()
        .merge(runs::routes())
        .merge(dead_letters::routes())
        .merge(audit::routes())
        .merge(status::routes())
        .merge(stream::routes())
        .merge(remote::routes())
        .with_state(api)
        .merge(document::routes())
}
