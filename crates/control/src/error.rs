//! Why a request was not carried out.

use domain::id::RunId;
use runtime::RoleError;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The principal may not do that.
    #[error("{0} may look, but not change anything")]
    Forbidden(String),
    /// There is no such run.
    #[error("no run {0}; `callout runs list` shows those there are")]
    NotFound(RunId),
    /// There is no such dead letter.
    #[error("no dead letter {0}; `callout dlq list` shows those there are")]
    NoDeadLetter(String),
    /// Nothing of it waits for an operator.
    #[error("no such text of run {0} is held; `callout runs list --held` shows those that are")]
    NothingToReview(RunId),
    /// It must be said which of them is meant.
    #[error("the texts {numbers:?} of run {run} are held; name one with --message")]
    SeveralToReview {
        /// The run.
        run: RunId,
        /// Their numbers.
        numbers: Vec<u16>,
    },
    /// A port failed.
    #[error(transparent)]
    Role(#[from] RoleError),
}
