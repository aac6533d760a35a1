//! Whom a step notifies, with what the store knows of them.

use domain::{
    run::{Addressee, Audience, Run},
    workflow::Workflow,
};
use jiff::Timestamp;

use crate::context::{Context, RoleError};

impl Context {
    /// Resolves the targets of a step and reads what the policy needs to know of each.
    ///
    /// # Errors
    /// When the store cannot be asked. Targets that mean nobody are no error; the audience names them.
    pub async fn audience(
        &self,
        run: &Run,
        workflow: &Workflow,
        step: u8,
        now: Timestamp,
    ) -> Result<Audience, RoleError> {
        let mut audience = Audience::default();
        let Some(step) = workflow.step(step) else { return Ok(audience) };
        let asks_schedule = step.notify.iter().any(|t| matches!(t, domain::workflow::Target::OnCall { .. }));
        let overrides = if asks_schedule { self.store.overrides(now).await? } else { Vec::new() };
        let time_zone_field = workflow.definition.time_zone_field.as_deref();
        for target in &step.notify {
            let recipient = match self.directory.resolve(target, &run.data, time_zone_field, &overrides, now)
            {
                Ok(recipient) => recipient,
                Err(reason) => {
                    audience.unresolved.push(reason);
                    continue;
                }
            };
            // One text per phone, however many targets lead to it.
            if audience.addressees.iter().any(|known| known.recipient.number == recipient.number) {
                continue;
            }
            let consent = self.store.consent(&recipient.number).await?;
            let taken = if workflow.definition.wants_acknowledgement() {
                let routes = self.store.reply_routes(&recipient.number, now).await?;
                routes.into_iter().map(|route| route.code).collect()
            } else {
                Vec::new()
            };
            audience.addressees.push(Addressee { recipient, consent, taken });
        }
        Ok(audience)
    }
}
