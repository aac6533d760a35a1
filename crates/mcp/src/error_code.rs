//! Why a call was refused. In: what `control` says. Out: a code that does not change, and whether to call again.
//!
//! Never: what a server or a database said.

use control::ControlError;
use domain::{acceptance::NotAccepted, agent::AgentRefusal};
use jiff::Timestamp;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::json;

/// A refusal, as agents read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// A word that does not change.
    pub(crate) code: &'static str,
    /// What is wrong, and what to do.
    pub(crate) message: String,
    /// Whether the same call may succeed later.
    pub(crate) retry: bool,
    /// Not before this time, where that is known.
    pub(crate) not_before: Option<Timestamp>,
    /// The version that the run is at, where the caller had an older one.
    pub(crate) version: Option<u64>,
    /// The approval that it is about.
    pub(crate) approval_id: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry: false,
            not_before: None,
            version: None,
            approval_id: None,
        }
    }

    /// The arguments are wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_arguments", message)
    }

    /// A defect of ours.
    pub(crate) fn unexpected() -> Self {
        Self::new("unavailable", "callout answered something else than was asked for")
    }

    pub(crate) fn result(&self) -> CallToolResult {
        let Self { code, message, retry, not_before, version, approval_id } = self;
        let mut error = json!({"code": code, "message": message, "retry": retry});
        if let Some(at) = not_before {
            error["not_before"] = json!(at);
        }
        if let Some(version) = version {
            error["version"] = json!(version);
        }
        if let Some(id) = approval_id {
            error["approval_id"] = json!(id);
        }
        // As a text alone: clients hold structured content to the output schema, and what does not fit is lost to the agent.
        CallToolResult::error(vec![ContentBlock::text(json!({"error": error}).to_string())])
    }
}

impl From<AgentRefusal> for Refusal {
    fn from(refusal: AgentRefusal) -> Self {
        let not_before = match refusal {
            AgentRefusal::Cooldown(at)
            | AgentRefusal::BudgetExhausted(at)
            | AgentRefusal::SubjectBudgetExhausted(at) => Some(at),
            AgentRefusal::Never
            | AgentRefusal::NeedsApproval
            | AgentRefusal::NotPaging
            | AgentRefusal::NoMoreSteps
            | AgentRefusal::RecipientInFields
            | AgentRefusal::ResolvesOthers
            | AgentRefusal::DuplicatePossible
            | AgentRefusal::Stopped
            | AgentRefusal::Denied
            | AgentRefusal::ApprovalsPending
            | AgentRefusal::NotForAgents => None,
        };
        let (code, retry) = (refusal.code(), not_before.is_some());
        Self { retry, not_before, ..Self::new(code, refusal.to_string()) }
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let said = error.to_string();
        match error {
            ControlError::Agent(refusal) => refusal.into(),
            ControlError::Approval(refusal) => Self::new(refusal.code(), said),
            ControlError::Forbidden { .. } | ControlError::OfAllTeams(_) | ControlError::NotLocal => {
                Self::new("scope_missing", said)
            }
            ControlError::Changed { version, .. } => {
                Self { version: Some(version), retry: true, ..Self::new("stale_version", said) }
            }
            ControlError::NotFound(_) | ControlError::NoDeadLetter(_) | ControlError::NoApproval(_) => {
                Self::new("not_found", "there is none of that id that this token may see")
            }
            ControlError::LabelOfOthers { .. }
            | ControlError::NoRecipientKey
            | ControlError::NoStream
            | ControlError::NoAgent(_)
            | ControlError::NotStopped(_)
            | ControlError::NoToken(_)
            | ControlError::NothingToReview(_)
            | ControlError::SeveralToReview { .. }
            | ControlError::NoSchedule(_)
            | ControlError::NoContact(_)
            | ControlError::NoOverride(_)
            | ControlError::NoSilence(_)
            | ControlError::Unusable(_) => Self::invalid(said),
            // What the store said is for the log.
            ControlError::Role(error) => {
                tracing::warn!(%error, "a call of an agent failed");
                Self { retry: true, ..Self::new("unavailable", "callout cannot do that now; call again") }
            }
        }
    }
}

impl From<NotAccepted> for Refusal {
    fn from(refused: NotAccepted) -> Self {
        match refused {
            NotAccepted::Invalid(errors) => {
                let of = |error: &domain::schema::FieldError| format!("{}: {}", error.pointer, error.message);
                let list: Vec<_> = errors.iter().take(10).map(of).collect();
                Self::new("invalid_fields", list.join("; "))
            }
            NotAccepted::Forbidden(reason) => Self::new("scope_missing", reason),
            NotAccepted::Agent(refusal) => refusal.into(),
            NotAccepted::Conflict { .. } => Self::new(
                "conflict",
                "another event came first with the same id, but other content; give each event an id of its own",
            ),
            NotAccepted::NotStored(error) => {
                tracing::warn!(error, "an event of an agent was not stored");
                Self {
                    retry: true,
                    ..Self::new("unavailable", "callout cannot take the event now; call again")
                }
            }
        }
    }
}
