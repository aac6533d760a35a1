//! Why a post was not taken. In: errors of the webhook and of ports. Out: one error with its HTTP status.

use ports::WebhookError;
use runtime::RoleError;

/// Why a post was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    /// It is not signed by the provider, or cannot be read.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// It names nothing we know.
    #[error("no message of ours has the SID {0}")]
    Unknown(String),
    /// It could not be stored; the provider tries again.
    #[error(transparent)]
    NotStored(#[from] RoleError),
}
