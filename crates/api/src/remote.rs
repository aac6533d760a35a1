//! The command line from another machine: the requests of the control socket, for who bears a token.
//!
//! In: a request as the command line makes it. Out: its answer. Both may change with the version, so they are no part of
//! the documented API.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    routing::post,
};
use control::{Answer, Request};

use crate::{api_error::ApiError, api_state::Api, authenticate::Authenticated};

/// Where the command line asks.
pub const REMOTE_PATH: &str = "/v1/control";

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route(REMOTE_PATH, post(execute))
}

async fn execute(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Answer>, ApiError> {
    Ok(Json(api.ports.control.execute(&who.principal, request?.0).await?))
}
