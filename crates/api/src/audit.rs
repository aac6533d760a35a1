//! The audit's counts. In: a request. Out: counts of the whole installation.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use control::{Answer, Request};
use ports::store::AuditCounts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{api_error::ApiError, api_state::Api, authenticate::Authenticated};

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/v1/audit", get(audit))
}

/// Whether anything is lost, and what the store holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Audit {
    /// Whether every accepted event and every effect is accounted for.
    balances: bool,
    #[schema(value_type = Object)]
    counts: AuditCounts,
}

/// Counts how every event and every effect ended.
#[utoipa::path(get, path = "/v1/audit", tag = "installation",
    responses((status = 200, body = Audit), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn audit(State(api): State<Arc<Api>>, who: Authenticated) -> Result<Json<Audit>, ApiError> {
    let answer = api.ports.control.execute(&who.principal, Request::AuditCounts).await?;
    let Answer::AuditCounts { counts } = answer else { return Err(ApiError::Unexpected) };
    Ok(Json(Audit { balances: counts.balances(), counts }))
}
