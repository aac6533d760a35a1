//! Time passes: lost wake-ups are repeated, steps and runs end.
//!
//! In: a run and the time. Out: the step that must start, or the run's end.
//! Never: lets a run that is not over be without a next due time.

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    limits::{LAST_TRY_S, SWEEP_EVERY_S},
    message::{Message, MessageEvent, MessagePhase},
    notice::TEST_PAGE,
    policy::Rule,
    time::after_s,
    timeline::TimelineEvent,
    workflow::{Step, Workflow},
};

impl Run {
    /// Lets time pass: repeats lost wake-ups, doubts lapsed claims, ends what is over.
    ///
    /// Returns the step that must start, if the one under way cannot do any more.
    pub fn tick(&mut self, ctx: &mut StepContext<'_>) -> Option<u8> {
        for index in 0..self.messages.len() {
            self.apply_at(index, &MessageEvent::Tick, ctx);
        }
        self.advance(ctx);
        let reason = self.step_is_over(ctx.workflow, ctx.now)?;
        if self.is_every_text(|rule| rule == Rule::QuietDropped) {
            self.close(
                RunPhase::Suppressed,
                "every text would have waited too long for quiet hours to end",
                ctx,
            );
            return None;
        }
        self.leave_step(reason, ctx)
    }

    /// Somebody has the run move on before the step under way is over. Returns the step that must start; `None` also
    /// where the run is over, or ends by this.
    pub fn escalate(&mut self, by: &str, ctx: &mut StepContext<'_>) -> Option<u8> {
        if self.phase != RunPhase::Active {
            return None;
        }
        self.leave_step(&format!("escalated by {by}"), ctx)
    }

    fn leave_step(&mut self, reason: &str, ctx: &mut StepContext<'_>) -> Option<u8> {
        if self.workflow == TEST_PAGE {
            self.end_test_page(reason, ctx);
            return None;
        }
        ctx.note_run(TimelineEvent::Escalated { step: self.step, reason: reason.to_owned() });
        self.cancel_waiting(ctx);
        let next = self.step.checked_add(1).filter(|next| ctx.workflow.step(*next).is_some());
        if next.is_none() || ctx.now >= self.not_after {
            self.finish(ctx);
            return None;
        }
        next
    }

    /// When the run is due: at this time something may have to be done. `None` only once it is closed and its messages
    /// are final.
    pub fn next_due(&self, workflow: &Workflow) -> Option<Timestamp> {
        let messages = self.messages.iter().filter_map(Message::next_due);
        let deadlines = (self.phase == RunPhase::Active).then(|| self.step_due(workflow));
        messages.chain(deadlines).min()
    }

    /// Whether the run's due time needs a timer, to the second.
    ///
    /// Backstop times, which almost never fire, get none: the answer to a claim comes long before the claim lapses, and a
    /// status long before it is asked for. Where nothing else is due at about that time, the sweep finds the run.
    pub fn needs_timer(&self, workflow: &Workflow) -> bool {
        let is_backstop = |message: &&Message| {
            matches!(message.phase(), MessagePhase::Dispatching { .. } | MessagePhase::Submitted { .. })
        };
        let others =
            self.messages.iter().filter(|message| !is_backstop(message)).filter_map(Message::next_due);
        let deadline = (self.phase == RunPhase::Active).then(|| self.step_due(workflow));
        let Some(first) = others.chain(deadline).min() else { return false };
        self.next_due(workflow).is_some_and(|due| first <= after_s(due, SWEEP_EVERY_S))
    }

    fn step_due(&self, workflow: &Workflow) -> Timestamp {
        let Some(step) = workflow.step(self.step).filter(|step| self.may_succeed(step)) else {
            return self.opened_at; // The step leads to nothing: look at once, even where a deferral moved the clock.
        };
        self.deadline(step).0
    }

    /// The earliest deadline of a step that still counts, with what passing it means.
    fn deadline(&self, step: &Step) -> (Timestamp, &'static str) {
        let arrived = self.current().any(Message::is_delivered);
        let deliver =
            step.deliver_within_s().filter(|_| !arrived).map(|within| (within, "not delivered in time"));
        let ack = step.ack_within_s.map(|within| (within, "not acknowledged in time"));
        let deadlines = [deliver, ack].into_iter().flatten();
        let earliest = deadlines.map(|(within_s, reason)| (after_s(self.clock_from, within_s), reason)).min();
        // Fallback for a step without deadlines: `not_after` ends the run.
        earliest.unwrap_or((self.not_after, "the event is of no use any more"))
    }

    /// When a request must begin to be answered before the deadline of its step.
    pub(super) fn last_try_at(&self, workflow: &Workflow, step: u8) -> Option<Timestamp> {
        let ends = workflow.step(step).map(|step| self.deadline(step).0);
        ends.filter(|_| step == self.step).map(|ends| after_s(ends, -LAST_TRY_S))
    }

    /// Whether a text of the step may still do what the step is for: be acknowledged, or else arrive.
    fn may_succeed(&self, step: &Step) -> bool {
        let may = if step.ack_within_s.is_some() { Message::may_be_answered } else { Message::is_alive };
        self.current().any(may)
    }

    fn current(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.step() == self.step)
    }

    /// Why the step under way cannot do any more, if so.
    fn step_is_over(&self, workflow: &Workflow, now: Timestamp) -> Option<&'static str> {
        if self.phase != RunPhase::Active {
            return None;
        }
        let Some(step) = workflow.step(self.step).filter(|_| self.current().next().is_some()) else {
            return Some("the step notifies nobody");
        };
        if !self.may_succeed(step) {
            return Some(if self.current().any(Message::is_alive) {
                "every recipient of the step opted out"
            } else if self.current().all(|m| matches!(m.phase(), MessagePhase::Suppressed { .. })) {
                "every text of the step is suppressed"
            } else {
                "no text of the step can arrive"
            });
        }
        let (at, reason) = self.deadline(step);
        (at <= now).then_some(reason)
    }

    /// Ends a run whose text arrived when nothing more was asked for, and withdraws texts that are of no use any more.
    pub(super) fn advance(&mut self, ctx: &mut StepContext<'_>) {
        let waits_for_ack = ctx.workflow.step(self.step).is_none_or(|step| step.ack_within_s.is_some());
        if self.phase == RunPhase::Active && !waits_for_ack && self.current().any(Message::is_delivered) {
            self.cancel_waiting(ctx);
            self.close(RunPhase::Completed, "", ctx);
        }
        // A refusal or the end of a doubt may leave a text waiting in a run, or a step, that is over.
        let over = self.phase != RunPhase::Active;
        for index in 0..self.messages.len() {
            if over || self.messages[index].step() < self.step {
                self.apply_at(index, &MessageEvent::Cancel, ctx);
            }
        }
    }

    /// A test page escalates to nobody, and an unanswered one is no run that reached nobody.
    fn end_test_page(&mut self, reason: &str, ctx: &mut StepContext<'_>) {
        self.cancel_waiting(ctx);
        let suppressed = |message: &Message| matches!(message.phase(), MessagePhase::Suppressed { .. });
        let phase =
            if self.messages.iter().all(suppressed) { RunPhase::Suppressed } else { RunPhase::Expired };
        self.close(phase, reason, ctx);
    }

    fn finish(&mut self, ctx: &mut StepContext<'_>) {
        let held_back = |rule: Rule| {
            matches!(
                rule,
                Rule::StageShadow | Rule::StageCanary | Rule::EnvironmentAllowList | Rule::Silenced
            )
        };
        let is_expired = |message: &Message| *message.phase() == MessagePhase::Expired;
        if !self.messages.is_empty() && self.messages.iter().all(is_expired) {
            return self.close(
                RunPhase::Expired,
                "the event's not_after passed before anything was sent",
                ctx,
            );
        }
        // A run that needs an acknowledgement and may text no recipient is not done: a ticket must say so. Nor is one that
        // goes on without a text which waits too long, as its workflow asks.
        let is_done = !ctx.workflow.definition.wants_acknowledgement()
            && self.is_every_text(|rule| rule != Rule::QuietEscalated);
        if is_done || self.is_every_text(held_back) {
            return self.close(RunPhase::Suppressed, "every text was suppressed", ctx);
        }
        if let Some(queue) = &ctx.workflow.definition.exhausted_ticket {
            self.ticket = Some(queue.clone());
            ctx.note_run(TimelineEvent::TicketWanted { queue: queue.clone(), because: None });
        }
        self.close(RunPhase::Exhausted, "the steps are used up", ctx);
    }

    /// Whether there are texts, and each is suppressed by such a rule.
    fn is_every_text(&self, of: impl Fn(Rule) -> bool) -> bool {
        let is =
            |message: &Message| matches!(message.phase(), MessagePhase::Suppressed { rule } if of(*rule));
        !self.messages.is_empty() && self.messages.iter().all(is)
    }

    pub(super) fn cancel_waiting(&mut self, ctx: &mut StepContext<'_>) {
        for index in 0..self.messages.len() {
            self.apply_at(index, &MessageEvent::Cancel, ctx);
        }
    }
}
