//! Events about which nobody is texted. In: the store's silences, read from time to time. Out: those that transitions know.
//!
//! Never: reads the store for a text that no silence holds back: a silence is in force within seconds of being made. One that
//! does is read again, for it may have been ended.

use std::sync::{Arc, PoisonError};

use domain::{
    run::{Run, StepContext},
    silence::Silence,
    workflow::Workflow,
};

use super::RunService;
use crate::error::RoleError;

impl RunService {
    /// The silences as this process knows them.
    pub fn silences(&self) -> Arc<[Silence]> {
        self.silences.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the silences of the store into force. Until it answers, those known before hold.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn refresh_silences(&self) -> Result<(), RoleError> {
        let silences = self.ports.silences.silences(self.now()).await?;
        *self.silences.write().unwrap_or_else(PoisonError::into_inner) = silences.into();
        Ok(())
    }

    /// The context of a change of this run, which a silence holds back only if it was not ended meanwhile.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn context_of<'a>(
        &'a self,
        run: &Run,
        workflow: &'a Workflow,
    ) -> Result<StepContext<'a>, RoleError> {
        let mut ctx = self.context(workflow);
        self.confirm_silence(run, &mut ctx).await?;
        Ok(ctx)
    }

    /// Reads the silences anew where one of them holds a run back, as far as the context knows: who has not heard that it was
    /// ended would put the run off for as long as it was made for.
    pub(super) async fn confirm_silence(
        &self,
        run: &Run,
        ctx: &mut StepContext<'_>,
    ) -> Result<(), RoleError> {
        if run.is_silenced(ctx) {
            self.refresh_silences().await?;
            ctx.silences = self.silences();
        }
        Ok(())
    }
}
