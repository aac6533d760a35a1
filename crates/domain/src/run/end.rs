//! How a run ends: acknowledged, resolved or cancelled. In: who or what ends it. Out: a closed run, and its outcome; a
//! note where it had ended before.
//!
//! Never: ends a run because time passed; `deadline` does.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    event::EventKey,
    id::RunId,
    limits::DEDUPE_S,
    message::Message,
    resolved_by::ResolvedBy,
    time::after_s,
    timeline::{Outcome, TimelineEvent},
    workflow::Workflow,
};

/// Whether a run may be erased, as somebody asked whose number it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasable {
    /// It may, and ended then.
    Ended(Timestamp),
    /// Its event may come a second time, and would open a new run; from this time on it may.
    From(Timestamp),
    /// It has not ended, or something of it is still expected.
    Unfinished,
}

impl Run {
    /// Whether it may be erased. With `also_recent` that its event may come a second time is accepted.
    pub fn erasable(&self, now: Timestamp, also_recent: bool) -> Erasable {
        let Some(ended_at) = self.closed_at.filter(|_| !self.index().is_unfinished) else {
            return Erasable::Unfinished;
        };
        let from = after_s(ended_at, i64::from(DEDUPE_S));
        if also_recent || from < now { Erasable::Ended(ended_at) } else { Erasable::From(from) }
    }

    /// Whether it holds texts or fields of its event that may go once it has ended.
    pub(super) fn holds_texts(&self) -> bool {
        let holds_any = !self.data.is_empty() || self.messages.iter().any(|message| message.text().is_some());
        holds_any && !self.messages.iter().any(Message::needs_review)
    }

    /// Removes its texts and the fields of its event, if it has ended. Who was texted when, and why, stays. Returns
    /// whether anything went: a run that has not ended, or needs a review, keeps them.
    pub fn remove_texts(&mut self, ctx: &mut StepContext<'_>) -> bool {
        if self.is_unfinished() || !self.holds_texts() {
            return false;
        }
        self.data.clear();
        self.messages.iter_mut().for_each(Message::remove_text);
        self.replies.iter_mut().for_each(|reply| reply.text = None);
        ctx.note_run(TimelineEvent::TextsRemoved);
        true
    }

    /// The resolving event came. Returns whether that changed anything: an event of another source ends the run only
    /// where the workflow says that the two share their subjects.
    ///
    /// A run that ended otherwise keeps its phase. Where it has a ticket, that its subject is resolved is noted once.
    ///
    /// `all_clears` are the runs of the texts that tell of it, by message.
    pub fn resolve(&mut self, by: &EventKey, all_clears: &[(u16, RunId)], ctx: &mut StepContext<'_>) -> bool {
        let reason = format!("resolved by event {} of {}", by.id, by.source);
        let is_meant = ctx.workflow.definition.resolves_across(&self.event.source, &by.source);
        if is_meant && self.awaits_late_resolution() {
            self.resolved_at = Some(ctx.now);
            self.resolved_by = Some(ResolvedBy { event: by.clone(), at: ctx.now });
            ctx.note_run(TimelineEvent::ResolvedLate { reason });
            return true;
        }
        if !self.is_resolved_by(by, ctx.workflow) {
            return false;
        }
        self.cancel_waiting(ctx);
        for (number, run) in all_clears {
            ctx.note(*number, TimelineEvent::AllClear { run: run.clone() });
        }
        self.resolved_by = Some(ResolvedBy { event: by.clone(), at: ctx.now });
        self.close(RunPhase::Resolved, &reason, ctx);
        true
    }

    /// What resolved its subject, whether that ended the run or came later. Of a run of a version that did not keep the
    /// event, one with a made-up id at the time that is known.
    pub fn resolution(&self) -> Option<ResolvedBy> {
        let unkept = || {
            let ended_at = self.closed_at.filter(|_| self.phase == RunPhase::Resolved);
            let EventKey { source, id } = &self.event;
            let event = EventKey { source: source.clone(), id: format!("{id}-resolved") };
            Some(ResolvedBy { event, at: ended_at.or(self.resolved_at)? })
        };
        self.resolved_by.clone().or_else(unkept)
    }

    /// Whether its subject is resolved: that ended the run, or came later.
    pub fn is_resolved(&self) -> bool {
        self.phase == RunPhase::Resolved || self.resolved_at.is_some()
    }

    /// Whether it ended with a ticket, wanted or opened, that must hear when its subject is resolved.
    pub(super) fn awaits_late_resolution(&self) -> bool {
        let has_ticket = self.ticket.is_some() || !self.tickets.is_empty();
        has_ticket && !self.is_resolvable() && !self.is_resolved()
    }

    /// Whether a resolving event ends it.
    pub(super) fn is_resolvable(&self) -> bool {
        matches!(self.phase, RunPhase::Active | RunPhase::Acknowledged)
    }

    /// Records under which resolving event the all-clears of this run are sent, and returns it: the first that came,
    /// whatever resolves the run at the same moment, so that a phone is told once. `None`: the event ends nothing here.
    ///
    /// `as_event` is what other runs that `by` ends have recorded.
    pub fn begin_all_clear(
        &mut self,
        by: &EventKey,
        as_event: &EventKey,
        workflow: &Workflow,
    ) -> Option<EventKey> {
        let is_resolved = self.is_resolved_by(by, workflow);
        is_resolved.then(|| self.resolved_as.get_or_insert_with(|| as_event.clone()).clone())
    }

    /// The messages whose recipients may know of the event, one of each phone: they are told that it is over.
    pub fn all_clear_to(&self) -> Vec<&Message> {
        let mut told = BTreeSet::new();
        let may_know = self.messages.iter().filter(|message| message.is_alive() && !message.is_waiting());
        may_know.filter(|message| told.insert(&message.recipient().number)).collect()
    }

    fn is_resolved_by(&self, by: &EventKey, workflow: &Workflow) -> bool {
        self.is_resolvable() && workflow.definition.resolves_across(&self.event.source, &by.source)
    }

    /// An operator ends it: also one that was acknowledged, and would page again. Returns whether that changed anything.
    pub fn cancel(&mut self, by: &str, ctx: &mut StepContext<'_>) -> bool {
        if self.phase != RunPhase::Active && self.ack_hold.is_none() {
            return false;
        }
        self.cancel_waiting(ctx);
        self.close(RunPhase::Cancelled, &format!("cancelled by {by}"), ctx);
        true
    }

    pub(super) fn close(&mut self, phase: RunPhase, reason: &str, ctx: &mut StepContext<'_>) {
        self.phase = phase;
        self.closed_at = Some(ctx.now);
        self.resolved_as = None;
        (self.next, self.ack_hold) = (None, None);
        self.messages.iter_mut().for_each(Message::forget_more_numbers);
        ctx.note_run(TimelineEvent::Closed { phase, reason: reason.to_owned() });
        ctx.effects.outcomes.push(Outcome {
            run: self.id.clone(),
            phase,
            at: ctx.now,
            ticket: self.ticket.clone(),
        });
    }
}
