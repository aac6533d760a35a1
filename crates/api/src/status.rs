//! What is running. In: a request. Out: the version, the environment, and what the token allows.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{api_error::ApiError, api_state::Api, authenticate::Authenticated};

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/v1/status", get(status))
}

/// What is running, and who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    version: &'static str,
    environment: String,
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    /// The label of the token.
    principal: String,
    /// What the token allows, as `callout tokens create` takes it.
    scopes: Vec<String>,
    /// The `source` of the events that the token may send; absent if it may send none.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The teams that it is limited to; empty if it is not.
    teams: Vec<String>,
}

/// Says what is running, and what the token allows.
#[utoipa::path(get, path = "/v1/status", tag = "installation",
    responses((status = 200, body = Status), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn status(
    State(api): State<Arc<Api>>,
    who: Authenticated,
) -> Result<Json<Status>, ApiError> {
    Ok(Json(Status {
        version: api.settings.version,
        environment: api.settings.environment.clone(),
        now: api.ports.clock.now(),
        principal: who.principal.name,
        source: (!who.principal.raises.is_empty()).then(|| who.principal.source.clone()),
        scopes: who.grants,
        teams: who.principal.teams.into_iter().collect(),
    }))
}
