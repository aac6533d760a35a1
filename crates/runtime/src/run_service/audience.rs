//! Whom a step notifies, with what the store knows of them.

use domain::run::{Addressee, Audience, Run, StepContext};

use super::RunService;
use crate::error::RoleError;

impl RunService {
    /// Resolves the targets of a step and reads what the policy needs to know of each.
    ///
    /// # Errors
    /// When the store cannot be asked. Targets that mean nobody are no error; the audience names them.
    pub(super) async fn audience(
        &self,
        run: &Run,
        step: u8,
        ctx: &StepContext<'_>,
    ) -> Result<Audience, RoleError> {
        let definition = &ctx.workflow.definition;
        let Some(step) = ctx.workflow.step(step) else { return Ok(Audience::default()) };
        let overrides =
            if step.asks_schedule() { self.ports.overrides.overrides(ctx.now).await? } else { Vec::new() };
        let recipients = run.recipients(step, definition, &self.directory(), &overrides, ctx.now);
        let mut audience = Audience {
            addressees: Vec::new(),
            unresolved: recipients.unresolved,
            code_key: self.code_key.clone(),
        };
        for recipient in recipients.found {
            let consent = self.ports.consent.consent(&recipient.number).await?;
            let taken = if definition.wants_acknowledgement() {
                let routes = self.ports.lookup.reply_routes(&recipient.number, ctx.now).await?;
                routes.into_iter().map(|route| route.code).collect()
            } else {
                Vec::new()
            };
            audience.addressees.push(Addressee { recipient, consent, taken });
        }
        Ok(audience)
    }
}
