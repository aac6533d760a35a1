//! Why a request is not answered as it wished. In: errors. Out: problem documents (RFC 9457).
//!
//! Never: repeats a token, or says of a run that the caller does not see that it is there.

use std::borrow::Cow;

use axum::{
    extract::rejection::{JsonRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use control::ControlError;
use domain::approval::ApprovalRefusal;
use http_server::problem::problem;
use ports::StoreError;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Why a request was not answered as it wished (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    r#type: String,
    title: String,
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
}

/// Why a request is not answered as it wished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Nobody knows who asks.
    #[error(
        "send a token that is in force: `Authorization: Bearer callout_...`; `callout tokens create` makes one"
    )]
    Unauthenticated,
    /// The request cannot be read.
    #[error("{0}")]
    Invalid(String),
    /// The request can be read, and what it asks for cannot be.
    #[error("{0}")]
    Unfit(String),
    /// What is compared strongly matches no weak tag (RFC 9110, section 13.1.1).
    #[error(
        "If-Match: a weak tag, W/\"...\", matches no version; send the ETag as it was answered, as \"7\""
    )]
    WeakTag,
    /// A key was used for another request before.
    #[error("this Idempotency-Key was used for another request; use a new one")]
    KeyReused,
    /// The same request is being carried out.
    #[error("the request with this Idempotency-Key is under way; ask again in a second")]
    UnderWay,
    /// The answer is of another kind than the request has; a defect of ours.
    #[error("the answer is not of the kind that was asked for")]
    Unexpected,
    /// As the command line would be told.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The store does not answer.
    #[error("{0}; send the request again")]
    Store(#[from] StoreError),
}

/// The code of a refusal that `control` does not know of.
#[derive(Debug, Clone)]
pub(crate) struct Unasked(pub(crate) Cow<'static, str>);

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::KeyReused | Self::Unfit(_) | Self::Control(ControlError::Unusable(_)) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Unexpected => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(_) | Self::Control(ControlError::Role(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Control(
                ControlError::Forbidden { .. }
                | ControlError::OfAllTeams(_)
                | ControlError::Agent(_)
                | ControlError::Approval(ApprovalRefusal::OwnRequest)
                | ControlError::NotLocal,
            ) => StatusCode::FORBIDDEN,
            Self::Control(
                ControlError::NotFound(_)
                | ControlError::NoDeadLetter(_)
                | ControlError::NoToken(_)
                | ControlError::NoSchedule(_)
                | ControlError::NoContact(_)
                | ControlError::NoSilence(_)
                | ControlError::NoApproval(_)
                | ControlError::NoAgent(_)
                | ControlError::NotStopped(_)
                | ControlError::NoOverride(_),
            ) => StatusCode::NOT_FOUND,
            Self::UnderWay
            | Self::Control(
                ControlError::NothingToReview(_)
                | ControlError::SeveralToReview { .. }
                | ControlError::NoStream
                | ControlError::Approval(_)
                | ControlError::NoRecipientKey
                | ControlError::LabelOfOthers { .. },
            ) => StatusCode::CONFLICT,
            Self::WeakTag | Self::Control(ControlError::Changed { .. }) => StatusCode::PRECONDITION_FAILED,
        }
    }

    /// Its code in the log, where `control` was not asked and could not log it.
    fn code(&self) -> Option<Unasked> {
        match self {
            Self::Unauthenticated | Self::Control(_) => None,
            Self::Invalid(_) | Self::Unfit(_) | Self::WeakTag => Some(Unasked("invalid_arguments".into())),
            Self::KeyReused => Some(Unasked("conflict".into())),
            Self::UnderWay | Self::Unexpected | Self::Store(_) => Some(Unasked("unavailable".into())),
        }
    }

    fn more(&self) -> Value {
        #[expect(clippy::wildcard_enum_match_arm, reason = "most errors have nothing to add")]
        match self {
            Self::Control(ControlError::Forbidden { scope, .. }) => json!({"scope": scope}),
            Self::Control(ControlError::Agent(refusal)) => json!({"code": refusal.code()}),
            Self::Control(ControlError::Approval(refusal)) => json!({"code": refusal.code()}),
            Self::Control(ControlError::Changed { version, .. }) => json!({"version": version}),
            Self::Control(ControlError::SeveralToReview { numbers, .. }) => json!({"messages": numbers}),
            _ => Value::Null,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, is_under_way, unasked) = (self.status(), matches!(self, Self::UnderWay), self.code());
        let title = status.canonical_reason().unwrap_or("Error");
        let mut response = problem(status, title, &self.to_string(), self.more());
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"callout\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE || is_under_way {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(unasked) = unasked {
            response.extensions_mut().insert(unasked);
        }
        response
    }
}
