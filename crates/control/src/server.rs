//! The control endpoint of a running process: one route on a socket that only its owner can open.
//!
//! In: a [`Request`] as JSON. Out: an [`Answer`] as JSON, or why not.
//! Never: listens on a network; the file's permissions are the authorization.

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use domain::approval::ApprovalRefusal;
use serde::{Deserialize, Serialize};

use crate::{
    control::Control,
    error::ControlError,
    principal::Principal,
    request::{Answer, Request},
};

/// The one route.
pub const CONTROL_PATH: &str = "/v1/control";

/// A request as it goes over the socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// The name of who asks, for the timeline.
    pub by: String,
    /// What they ask.
    pub request: Request,
}

/// The control endpoint. A process that can open the socket acts as an operator.
pub fn router(control: Control) -> Router {
    Router::new().route(CONTROL_PATH, post(execute)).with_state(control)
}

async fn execute(
    State(control): State<Control>,
    Json(envelope): Json<Envelope>,
) -> Result<Json<Answer>, (StatusCode, String)> {
    let principal = Principal::operator(envelope.by);
    control.execute(&principal, envelope.request).await.map(Json).map_err(|error| {
        let status = match error {
            ControlError::Forbidden { .. }
            | ControlError::OfAllTeams(_)
            | ControlError::Agent(_)
            | ControlError::Approval(ApprovalRefusal::OwnRequest)
            | ControlError::NotLocal => StatusCode::FORBIDDEN,
            ControlError::NotFound(_)
            | ControlError::NothingToReview(_)
            | ControlError::NoDeadLetter(_)
            | ControlError::NoToken(_)
            | ControlError::NoSchedule(_)
            | ControlError::NoContact(_)
            | ControlError::NoSilence(_)
            | ControlError::NoApproval(_)
            | ControlError::NoAgent(_)
            | ControlError::NotStopped(_)
            | ControlError::NoOverride(_) => StatusCode::NOT_FOUND,
            ControlError::Unusable(_) => StatusCode::BAD_REQUEST,
            ControlError::SeveralToReview { .. }
            | ControlError::Changed { .. }
            | ControlError::NoStream
            | ControlError::Approval(_)
            | ControlError::LabelOfOthers { .. }
            | ControlError::NoRecipientKey => StatusCode::CONFLICT,
            ControlError::Role(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, error.to_string())
    })
}
