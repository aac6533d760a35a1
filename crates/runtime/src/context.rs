//! What every role is given.

use std::sync::Arc;

use domain::{directory::Directory, policy::Environment};
use ports::{Bus, BusError, Clock, SmsProvider, Store, StoreError};

use crate::workflow_registry::WorkflowRegistry;

/// The ports and the configuration, shared by all roles of a process.
pub struct Context {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Wake-ups and events.
    pub bus: Arc<dyn Bus>,
    /// The provider.
    pub provider: Arc<dyn SmsProvider>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Workflows, those in force and those that runs still hold on to.
    pub workflows: WorkflowRegistry,
    /// People and rotations.
    pub directory: Directory,
    /// Where this installation runs.
    pub environment: Environment,
}

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
        /// Its name.
        workflow: String,
        /// Its content hash.
        hash: String,
        /// Why.
        reason: String,
    },
    /// Others changed the run at every try.
    #[error("run {0} was changed by others at every try")]
    Contended(domain::id::RunId),
}
