//! What is running, and how it is. In: a request. Out: the version, the environment, what the token allows, and what is
//! wrong with the installation.
//!
//! Never: shows what is of no team to a token that is limited to some.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use control::{Answer, Request, StatusReport};
use domain::token::Scope;
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
    /// Whether the token is an agent's.
    is_agent: bool,
    /// What the token allows, as `callout tokens create` takes it.
    scopes: Vec<String>,
    /// The `source` of the events that the token may send; absent if it may send none.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The teams that it is limited to; empty if it is not.
    teams: Vec<String>,
    /// How the installation is; absent where the token may not read, is limited to teams, or is an
    /// agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    report: Option<StatusReport>,
}

/// Says what is running, what the token allows, and how the installation is.
#[utoipa::path(get, path = "/v1/status", tag = "installation",
    responses((status = 200, body = Status), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn status(
    State(api): State<Arc<Api>>,
    who: Authenticated,
) -> Result<Json<Status>, ApiError> {
    let report =
        if who.principal.may(Scope::Read) && who.principal.teams.is_empty() && !who.principal.is_agent {
            let answer = api.ports.control.execute(&who.principal, Request::Status).await?;
            let Answer::Status { report } = answer else { return Err(ApiError::Unexpected) };
            Some(*report)
        } else {
            None
        };
    Ok(Json(Status {
        report,
        version: api.settings.version,
        environment: api.settings.environment.clone(),
        now: api.ports.clock.now(),
        principal: who.principal.name,
        is_agent: who.principal.is_agent,
        source: (!who.principal.raises.is_empty()).then(|| who.principal.source.clone()),
        scopes: who.grants,
        teams: who.principal.teams.into_iter().collect(),
    }))
}
