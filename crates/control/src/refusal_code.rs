//! Refusals by words that do not change. In: errors. Out: their codes.

use domain::acceptance::NotAccepted;

use crate::error::ControlError;

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
