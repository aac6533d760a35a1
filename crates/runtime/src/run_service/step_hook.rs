//! Who takes part in a step before it is stored. In: a run whose step has begun. Out: the messages that are claimed.
//!
//! Never: makes a request; that follows once the claims are stored.

use async_trait::async_trait;
use domain::{
    provider::Submission,
    run::{Run, StepContext},
};

use crate::error::RoleError;

/// Takes part in a step that has begun, before the change is stored.
#[async_trait]
pub trait StepHook: Send {
    /// The step's messages are composed and decided. Whatever is changed here is stored with them. Returns the requests
    /// of the messages that it claims.
    ///
    /// # Errors
    /// When a port fails; nothing is stored then.
    async fn step_started(
        &mut self,
        run: &mut Run,
        ctx: &mut StepContext<'_>,
    ) -> Result<Vec<Submission>, RoleError>;
}

/// Leaves every message to the commands that a tick gives.
pub(super) struct ByCommand;

#[async_trait]
impl StepHook for ByCommand {
    async fn step_started(
        &mut self,
        _run: &mut Run,
        _ctx: &mut StepContext<'_>,
    ) -> Result<Vec<Submission>, RoleError> {
        Ok(Vec::new())
    }
}
