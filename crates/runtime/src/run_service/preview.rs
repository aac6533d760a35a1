//! What an event would do now. In: an event and its workflow. Out: the run that it would open, with the texts of its first
//! step and what the rules say of them.
//!
//! Never: stores or sends anything.

use domain::{event::Event, run::Run, timeline::Entry, workflow::Workflow};

use super::{RunService, step_hook::ByCommand};
use crate::error::RoleError;

impl RunService {
    /// The run that an event would open now, and its timeline. People, opt-outs, silences and quiet hours are asked as for
    /// a run that is opened; rate limits and groups are not.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn preview(&self, event: &Event, workflow: &Workflow) -> Result<(Run, Vec<Entry>), RoleError> {
        let mut ctx = self.context(workflow);
        let mut run = Run::open(event, &mut ctx);
        let first = run.planned_step(ctx.now);
        if first.is_some() {
            self.run_steps(&mut run, first, false, &mut ctx, &mut ByCommand).await?;
        }
        Ok((run, ctx.effects.timeline))
    }

    /// The run as it would be if somebody had it move on now.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn preview_escalation(&self, seen: &Run) -> Result<Run, RoleError> {
        let workflow = self.workflow_of(seen).await?;
        let (mut ctx, mut run) = (self.context(&workflow), seen.clone());
        let first = run.escalate("", &mut ctx);
        self.run_steps(&mut run, first, false, &mut ctx, &mut ByCommand).await?;
        Ok(run)
    }
}
