//! Refusals of agents, one line each in the log. In: who asked for what, and why not. Out: a line with a code.
//!
//! Never: names what an agent wrote.

use domain::acceptance::NotAccepted;

use crate::{control::Control, error::ControlError, principal::Principal};

impl Control {
    /// Logs a refusal of an agent, unless its interface does.
    pub(crate) fn log_refusal(&self, principal: &Principal, request: &str, code: &str) {
        if principal.is_agent && !principal.is_logged {
            tracing::warn!(
                principal = principal.name,
                token = principal.token,
                request,
                code,
                "an agent was refused"
            );
        }
    }
}

/// A word for it that does not change.
pub(crate) fn code(error: &ControlError) -> &'static str {
    match error {
        ControlError::Agent(refusal) => refusal.code(),
        ControlError::Approval(refusal) => refusal.code(),
        ControlError::Forbidden { .. } | ControlError::OfAllTeams(_) | ControlError::NotLocal => {
            "scope_missing"
        }
        ControlError::Changed { .. } => "stale_version",
        ControlError::NotFound(_)
        | ControlError::NoDeadLetter(_)
        | ControlError::NoToken(_)
        | ControlError::NoAgent(_)
        | ControlError::NotStopped(_)
        | ControlError::NoApproval(_)
        | ControlError::NothingToReview(_)
        | ControlError::NoSchedule(_)
        | ControlError::NoContact(_)
        | ControlError::NoOverride(_)
        | ControlError::NoSilence(_) => "not_found",
        ControlError::LabelOfOthers { .. }
        | ControlError::NoRecipientKey
        | ControlError::NoStream
        | ControlError::SeveralToReview { .. }
        | ControlError::Unusable(_) => "invalid_arguments",
        ControlError::Role(_) => "unavailable",
    }
}

/// The same for an event.
pub(crate) fn code_of_event(refused: &NotAccepted) -> &'static str {
    match refused {
        NotAccepted::Agent(refusal) => refusal.code(),
        NotAccepted::Invalid(_) => "invalid_fields",
        NotAccepted::Forbidden(_) => "scope_missing",
        NotAccepted::Conflict { .. } => "conflict",
        NotAccepted::NotStored(_) => "unavailable",
    }
}
