//! Why a role could not do a piece of work. In: errors of ports. Out: one error, which a role answers by trying again.
//!
//! Never: an error that repeating the work could make worse.

use domain::id::RunId;
use ports::{BusError, StoreError};

/// Why a role could not do a piece of work. All of it can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus did not do it.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A stored definition does not compile with this version.
    #[error("workflow {workflow} with hash {hash} cannot be used: {reason}")]
    Workflow {
        /// The workflow's name.
        workflow: String,
        /// The definition's content hash.
        hash: String,
        /// What this version does not accept.
        reason: String,
    },
    /// Others changed the run at every try.
    #[error("run {0} was changed by others at every try")]
    Contended(RunId),
    /// Others changed the group at every try.
    #[error("group {0} was changed by others at every try")]
    ContendedGroup(String),
}
