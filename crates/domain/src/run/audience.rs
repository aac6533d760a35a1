//! Whom a step notifies. In: its targets, the directory, overrides and the time. Out: each phone once, and why
//! other targets lead to no recipient.
//!
//! Never: reads what the recipients agreed to; the caller does, and the policy decides.

use jiff::Timestamp;

use super::Run;
use crate::{
    directory::{Directory, Recipient},
    oncall::Override,
    workflow::{Step, Target, WorkflowDefinition},
};

/// The recipients of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// Those that were found, each phone once, in the order of the targets.
    pub found: Vec<Recipient>,
    /// Why other targets led to no recipient.
    pub unresolved: Vec<String>,
}

impl Step {
    /// Whether one of its targets is an on-call schedule, so that overrides matter.
    pub fn asks_schedule(&self) -> bool {
        self.notify.iter().any(|target| matches!(target, Target::OnCall { .. }))
    }
}

impl Run {
    /// The recipients of a step of this run at `now`. One text per phone, however many targets lead to it.
    pub fn recipients(
        &self,
        step: &Step,
        definition: &WorkflowDefinition,
        directory: &Directory,
        overrides: &[Override],
        now: Timestamp,
    ) -> Recipients {
        let mut recipients = Recipients::default();
        let time_zone_field = definition.time_zone_field.as_deref();
        for target in &step.notify {
            match directory.resolve(target, &self.data, time_zone_field, overrides, now) {
                Ok(found) if recipients.found.iter().any(|known| known.number == found.number) => {}
                Ok(found) => recipients.found.push(found),
                Err(reason) => recipients.unresolved.push(reason),
            }
        }
        recipients
    }
}
