//! Canaries: texts that tell whether originators still send. In: settings and the time. Out: runs of a built-in workflow.
//!
//! Never: a second one for an originator and a slot, for their runs have the same id.

use std::sync::PoisonError;

use domain::canary::CanarySettings;
use jiff::Timestamp;

use super::RunService;
use crate::error::RoleError;

impl RunService {
    /// Sends canaries so from now on; none without settings.
    pub fn set_canary(&self, settings: Option<CanarySettings>) {
        self.in_force.write().unwrap_or_else(PoisonError::into_inner).canary = settings;
    }

    /// The settings of canaries in force.
    pub fn canary(&self) -> Option<CanarySettings> {
        self.in_force().canary
    }

    /// Opens the runs of a slot's canaries, one for each originator. Those that are open are left as they are.
    ///
    /// # Errors
    /// When the store or the bus cannot be asked; the same call may be repeated.
    pub async fn open_canaries(&self, settings: &CanarySettings, slot: Timestamp) -> Result<(), RoleError> {
        let originators = self.originators();
        for originator in originators.names() {
            let canary = settings.canary(originator, slot);
            let workflow = match canary.workflow() {
                Ok(workflow) => workflow,
                Err(errors) => {
                    tracing::error!(?errors, "the workflow of canaries cannot be used");
                    return Ok(());
                }
            };
            self.ports.runs.keep_workflow(&workflow.hash, &workflow.definition).await?;
            self.open_notice(&canary.event().0, &workflow).await?;
        }
        Ok(())
    }
}
