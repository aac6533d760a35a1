//! A run whose event a silence is about. In: the silences that have not ended. Out: a step that waits for the end of one.
//!
//! Never: forgets an event that can be resolved and was not: it is still there when the silence ends.

use jiff::Timestamp;

use super::{Planned, Run, RunPhase, StepContext};
use crate::{message::MessageEvent, policy::HoldingSilence, silence::Silenceable, timeline::TimelineEvent};

impl Run {
    /// What silences look at.
    pub fn silenceable(&self) -> Silenceable<'_> {
        Silenceable {
            workflow: &self.workflow,
            source: &self.event.source,
            subject: self.subject(),
            data: &self.data,
        }
    }

    /// Whether a silence holds for the event, as far as the context knows.
    pub fn is_silenced(&self, ctx: &StepContext<'_>) -> bool {
        self.silence(ctx).is_some()
    }

    /// The silence that holds for the event now.
    pub(super) fn silence(&self, ctx: &StepContext<'_>) -> Option<HoldingSilence> {
        let event = self.silenceable();
        ctx.silences.iter().find(|silence| silence.holds(&event, ctx.now)).map(HoldingSilence::from)
    }

    /// Puts a step off until the end of a silence, where the event can be resolved; of others nobody could say whether they
    /// still matter then. Whom it texts is asked when it begins. Returns whether it waits.
    pub(super) fn waits_for_silence(&mut self, planned: &Planned, ctx: &mut StepContext<'_>) -> bool {
        let silence = self.silence(ctx).filter(|_| ctx.workflow.definition.resolved_by.is_some());
        let Some(HoldingSilence { id: silence, until, why }) = silence else { return false };
        let step = planned.step;
        let at = until.min(self.not_after);
        self.next = Some(Planned { at, silenced_until: Some(until), ..planned.clone() });
        ctx.note_run(TimelineEvent::StepSilenced { step, until, silence, why });
        true
    }

    /// A silence that was to end at `until` has ended: what waits for that goes on now. Returns whether something waited.
    pub fn end_silence(&mut self, until: Timestamp, ctx: &mut StepContext<'_>) -> bool {
        // Stored times are cut.
        let is_it = |at: Timestamp| at.duration_since(until).as_millis().abs() <= 1;
        if self.phase != RunPhase::Active {
            return false;
        }
        if let Some(next) = self.next.as_mut().filter(|next| next.silenced_until.is_some_and(is_it)) {
            next.at = next.at.min(ctx.now);
            let (step, reason) = (next.step, "the silence was ended".to_owned());
            ctx.note_run(TimelineEvent::DelayCut { step, reason });
            return true;
        }
        // Texts that were there before the silence began.
        let waits = |index: &usize| {
            let message = &self.messages[*index];
            self.is_current(message) && !message.is_retry() && message.next_phase_at().is_some_and(is_it)
        };
        let waiting: Vec<usize> = (0..self.messages.len()).filter(waits).collect();
        for index in &waiting {
            self.apply_at(*index, &MessageEvent::Defer(ctx.now), ctx);
        }
        if !waiting.is_empty() {
            self.clock_from = ctx.now;
            self.advance(ctx);
        }
        !waiting.is_empty()
    }
}
