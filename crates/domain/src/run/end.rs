//! How a run ends: acknowledged, resolved or cancelled. In: who or what ends it. Out: a closed run, and its outcome.
//!
//! Never: ends a run because time passed; `deadline` does.

use super::{Run, RunPhase, StepContext};
use crate::{
    event::EventKey,
    timeline::{Entry, Outcome, TimelineEvent},
};

impl Run {
    /// Somebody takes it on. A run that is over keeps its phase; the timeline gets a line all the same.
    pub fn acknowledge(&mut self, by: &str, via: &str, message: Option<u16>, ctx: &mut StepContext<'_>) {
        let by = by.to_owned();
        let what = if self.phase == RunPhase::Active {
            TimelineEvent::Acknowledged { by, via: via.to_owned() }
        } else {
            TimelineEvent::AcknowledgedLate { by }
        };
        ctx.effects.timeline.push(Entry { at: ctx.now, message, what });
        if self.phase == RunPhase::Active {
            self.cancel_waiting(ctx);
            self.close(RunPhase::Acknowledged, "", ctx);
        }
    }

    /// The resolving event came. Returns whether that changed anything: an event of another source ends the run only
    /// where the workflow says that the two share their subjects.
    pub fn resolve(&mut self, by: &EventKey, ctx: &mut StepContext<'_>) -> bool {
        let is_open = matches!(self.phase, RunPhase::Active | RunPhase::Acknowledged);
        if !is_open || !ctx.workflow.definition.resolves_across(&self.event.source, &by.source) {
            return false;
        }
        self.cancel_waiting(ctx);
        self.close(RunPhase::Resolved, &format!("resolved by event {} of {}", by.id, by.source), ctx);
        true
    }

    /// An operator ends it. Returns whether that changed anything.
    pub fn cancel(&mut self, by: &str, ctx: &mut StepContext<'_>) -> bool {
        if self.phase != RunPhase::Active {
            return false;
        }
        self.cancel_waiting(ctx);
        self.close(RunPhase::Cancelled, &format!("cancelled by {by}"), ctx);
        true
    }

    pub(super) fn close(&mut self, phase: RunPhase, reason: &str, ctx: &mut StepContext<'_>) {
        self.phase = phase;
        self.closed_at = Some(ctx.now);
        ctx.note_run(TimelineEvent::Closed { phase, reason: reason.to_owned() });
        ctx.effects.outcomes.push(Outcome {
            run: self.id.clone(),
            phase,
            at: ctx.now,
            ticket: self.ticket.clone(),
        });
    }
}
