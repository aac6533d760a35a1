//! The HTTP API for tools and people: runs, dead letters, events, counts, and a stream of what happens.
//!
//! In: requests that bear a token. Out: JSON, by the document in `docs/schemas/openapi.json`.
//! Never: decides who may do what, or changes anything: `control` does, for the command line as well.

mod api_error;
mod api_state;
mod approvals;
mod audit;
mod authenticate;
mod dead_letters;
mod document;
mod events;
mod explain;
mod named;
mod parameter;
mod policy;
mod precondition;
mod refusals;
mod remote;
mod repeatable;
mod runs;
mod status;
mod stream;

use std::sync::Arc;

use axum::{Router, middleware::from_fn_with_state};

use crate::api_state::Api;

pub use crate::{
    api_state::{ApiPorts, ApiSettings},
    document::document,
    remote::REMOTE_PATH,
    stream::StreamClient,
};

/// The API's routes.
pub fn router(ports: ApiPorts, settings: ApiSettings) -> Router {
    let api = Arc::new(Api { ports, settings });
    Router::new()
        .merge(runs::routes())
        .merge(dead_letters::routes())
        .merge(audit::routes())
        .merge(events::routes())
        .merge(policy::routes())
        .merge(approvals::routes())
        .merge(explain::routes())
        .merge(status::routes())
        .merge(stream::routes())
        .merge(remote::routes())
        .layer(from_fn_with_state(api.clone(), refusals::log))
        .with_state(api)
        .merge(document::routes())
}
