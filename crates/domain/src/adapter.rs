//! Adapters: what tools that people already run send, turned into events.
//!
//! In: the body of a tool's webhook, and what a source's adapters make. Out: reports, and from each an event; or every field
//! that is wrong.
//! Never: knows who may send, or which runs there are.

mod alert_group;
mod kind;
mod openclaw;
mod pagerduty;
mod payload;
mod report;
mod settings;

use jiff::Timestamp;

use crate::{
    limits::DOOR_HELD_S,
    run::{Run, RunPhase},
    schema::FieldError,
    time::after_s,
    workflow::Workflow,
};

pub use kind::Adapter;
pub use pagerduty::{ROUTING_KEY, routing_key};
pub use report::{Report, Says, chose_id};
pub use settings::{AdapterField, AdapterSettings, Adapters, FIELDS, Per};

impl Adapter {
    /// Reads what a tool sent.
    ///
    /// # Errors
    /// Everything that is wrong with it, by JSON pointer into the body.
    pub fn read(
        self,
        body: &[u8],
        settings: &AdapterSettings,
        now: Timestamp,
    ) -> Result<Vec<Report>, Vec<FieldError>> {
        match self {
            Self::Alertmanager => alert_group::read(body, alert_group::ALERTMANAGER, settings.per),
            Self::Grafana => alert_group::read(body, alert_group::GRAFANA, settings.per),
            Self::PagerDuty => pagerduty::read(body, now).map(|report| vec![report]),
            Self::OpenClaw => openclaw::read(body).map(|report| vec![report]),
        }
    }
}

/// Whether a run keeps further reports of its subject from opening another.
///
/// An active run does: people are being texted. An acknowledged one does for a day, where the resolving report ends it:
/// such a report may be lost, and then what happens next must reach somebody.
pub fn holds_back(run: &Run, workflow: &Workflow, settings: &AdapterSettings, now: Timestamp) -> bool {
    let is_resolvable = workflow.definition.resolved_by.as_ref() == Some(&settings.resolves);
    match run.phase() {
        RunPhase::Active => true,
        RunPhase::Acknowledged => is_resolvable && now < after_s(run.opened_at(), DOOR_HELD_S),
        RunPhase::Completed
        | RunPhase::Resolved
        | RunPhase::Exhausted
        | RunPhase::Suppressed
        | RunPhase::Expired
        | RunPhase::Cancelled => false,
    }
}

#[cfg(test)]
mod tests;
