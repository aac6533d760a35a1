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
            link_base: self.link_base.clone(),
        };
        for recipient in recipients.found {
            let (number, now) = (&recipient.number, ctx.now);
            let taken = async {
                let mut routes = Vec::new();
                // A code is the same for all numbers of a person.
                for number in recipient.numbers().filter(|_| definition.wants_acknowledgement()) {
                    routes.extend(self.ports.lookup.reply_routes(number, now).await?);
                }
                Ok(routes)
            };
            // Side by side, for each is a way to the store and back.
            let (consent, routes) = futures::try_join!(self.ports.consent.consent(number), taken)?;
            let taken = routes.into_iter().map(|route| route.code).collect();
            audience.addressees.push(Addressee { recipient, consent, taken });
        }
        Ok(audience)
    }
}
