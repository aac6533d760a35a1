//! What agents ask for, and the agents: shown, decided on, stopped. In: requests of people. Out: what there is afterwards.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    routing::{get, post},
};
use control::{AgentsView, Answer, ApprovalView, Request};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{api_error::ApiError, api_state::Api, authenticate::Authenticated, named::Named, policy::read};

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/v1/approvals", get(list))
        .route("/v1/approvals/{id}", get(show))
        .route("/v1/approvals/{id}/approve", post(approve))
        .route("/v1/approvals/{id}/deny", post(deny))
        .route("/v1/agents", get(agents))
        .route("/v1/agents/stop", post(stop))
        .route("/v1/agents/start", post(start))
}

/// Why somebody decides so.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DecisionBody {
    /// For others to read; at most 200 characters.
    why: String,
}

/// Which agent, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AgentBody {
    /// The label of its tokens; all agents without it.
    label: Option<String>,
    /// For others to read; at most 200 characters.
    why: String,
}

/// Lists what agents asked for, latest first. It takes the scope `approve`.
#[utoipa::path(get, path = "/v1/approvals", operation_id = "list_approvals", tag = "agents",
    responses((status = 200, body = Vec<Object>), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    who: Authenticated,
) -> Result<Json<Vec<ApprovalView>>, ApiError> {
    let answer = api.ports.control.execute(&who.principal, Request::ListApprovals).await?;
    let Answer::Approvals { approvals } = answer else { return Err(ApiError::Unexpected) };
    Ok(Json(approvals))
}

/// Shows what an agent asked for, with what would be sent. An agent sees what it asked for itself.
#[utoipa::path(get, path = "/v1/approvals/{id}", operation_id = "show_approval", tag = "agents", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
) -> Result<Json<ApprovalView>, ApiError> {
    approval(api.ports.control.execute(&who.principal, Request::ShowApproval { id }).await?)
}

/// Approves what an agent asked for: it is done at once, if it still may be and is what was shown. Not for who asked, nor for an
/// agent. Sent twice it is answered the same.
#[utoipa::path(post, path = "/v1/approvals/{id}/approve", operation_id = "approve", tag = "agents", request_body = DecisionBody, params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn approve(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ApprovalView>, ApiError> {
    decide(&api, &who, id, true, body).await
}

/// Denies what an agent asked for. It cannot be asked for again while this one is kept.
#[utoipa::path(post, path = "/v1/approvals/{id}/deny", operation_id = "deny", tag = "agents", request_body = DecisionBody, params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn deny(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    Named(id): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ApprovalView>, ApiError> {
    decide(&api, &who, id, false, body).await
}

async fn decide(
    api: &Api,
    who: &Authenticated,
    id: String,
    approve: bool,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ApprovalView>, ApiError> {
    // A yes needs no words.
    let body = body.map(|body| if body.is_empty() { Bytes::from_static(b"{}") } else { body });
    let DecisionBody { why } = read(body)?;
    let request = Request::DecideApproval { id, approve, why };
    approval(api.ports.control.execute(&who.principal, request).await?)
}

/// Lists the agents, and those that are stopped.
#[utoipa::path(get, path = "/v1/agents", operation_id = "list_agents", tag = "agents",
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn agents(
    State(api): State<Arc<Api>>,
    who: Authenticated,
) -> Result<Json<AgentsView>, ApiError> {
    agents_of(api.ports.control.execute(&who.principal, Request::ListAgents).await?)
}

/// Stops an agent, or all: whatever they ask for is refused from now on, in every process.
#[utoipa::path(post, path = "/v1/agents/stop", operation_id = "stop_agents", tag = "agents", request_body = AgentBody,
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn stop(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AgentsView>, ApiError> {
    let AgentBody { label, why } = read(body)?;
    agents_of(api.ports.control.execute(&who.principal, Request::StopAgents { label, why }).await?)
}

/// Takes the stop of an agent back, or the one of all. An agent that is stopped by its label stays so when that of all is taken
/// back.
#[utoipa::path(post, path = "/v1/agents/start", operation_id = "start_agents", tag = "agents", request_body = AgentBody,
    responses((status = 200, body = Object), (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn start(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<AgentsView>, ApiError> {
    let AgentBody { label, .. } = read(body)?;
    agents_of(api.ports.control.execute(&who.principal, Request::StartAgents { label }).await?)
}

fn approval(answer: Answer) -> Result<Json<ApprovalView>, ApiError> {
    let Answer::Approval { approval } = answer else { return Err(ApiError::Unexpected) };
    Ok(Json(*approval))
}

fn agents_of(answer: Answer) -> Result<Json<AgentsView>, ApiError> {
    let Answer::Agents { agents } = answer else { return Err(ApiError::Unexpected) };
    Ok(Json(agents))
}
