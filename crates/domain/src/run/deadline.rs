//! Time passes: lost wake-ups are repeated, steps and runs end.
//!
//! In: a run and the time. Out: the step that must start, or the run's end.
//! Never: lets a run that is not over be without a next due time.

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    limits::{LAST_TRY_S, SWEEP_EVERY_S},
    message::{Message, MessageEvent, MessagePhase},
    policy::Rule,
    time::after_s,
    timeline::TimelineEvent,
    workflow::{AcknowledgedBy, Step, Workflow},
};

impl Run {
    /// Lets time pass: repeats lost wake-ups, doubts lapsed claims, ends what is over.
    ///
    /// Returns the step that must start, if the one under way cannot do any more.
    pub fn tick(&mut self, ctx: &mut StepContext<'_>) -> Option<u8> {
        self.expire_acknowledgement(ctx);
        for index in 0..self.messages.len() {
            self.apply_at(index, &MessageEvent::Tick, ctx);
        }
        self.advance(ctx);
        if self.next.is_none() {
            let reason = self.step_is_over(ctx.workflow, ctx.now)?;
            // A step that only informs drops its texts and no page that comes after it.
            let informs = ctx.workflow.step(self.step).is_some_and(Step::only_informs);
            if !informs && self.is_every_text(|rule| rule == Rule::QuietDropped) {
                let reason = "every text would have waited too long for quiet hours to end";
                self.close(RunPhase::Suppressed, reason, ctx);
                return None;
            }
            return self.leave_step(reason, false, ctx);
        }
        let step = self.planned_step(ctx.now)?;
        if ctx.now < self.not_after {
            return Some(step);
        }
        if self.next.as_ref().is_some_and(|next| next.silenced_until.is_some()) {
            let reason = "a silence held for as long as the event was of use";
            self.close(RunPhase::Suppressed, reason, ctx);
        } else {
            self.finish(ctx);
        }
        None
    }

    /// When the run is due: at this time something may have to be done. `None` only once it is closed and its messages
    /// are final.
    pub fn next_due(&self, workflow: &Workflow) -> Option<Timestamp> {
        let messages = self.messages.iter().filter_map(Message::next_due);
        let deadlines = (self.phase == RunPhase::Active).then(|| self.step_due(workflow));
        messages.chain(deadlines).chain(self.ack_hold.as_ref().map(|hold| hold.until)).min()
    }

    /// Whether the run's due time needs a timer, to half a second.
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
        let hold = self.ack_hold.as_ref().map(|hold| hold.until);
        let Some(first) = others.chain(deadline).chain(hold).min() else { return false };
        self.next_due(workflow).is_some_and(|due| first <= after_s(due, SWEEP_EVERY_S))
    }

    fn step_due(&self, workflow: &Workflow) -> Timestamp {
        let next_numbers = self.messages.iter().filter_map(|message| self.next_number_at(message, workflow));
        let next_number = next_numbers.min().unwrap_or(Timestamp::MAX);
        if let Some(next) = &self.next {
            return next.at.min(next_number);
        }
        let Some(step) = workflow.step(self.step).filter(|step| self.may_succeed(step)) else {
            return self.opened_at; // The step leads to nothing: look at once, even where a deferral moved the clock.
        };
        self.deadline(step).0.min(next_number)
    }

    /// The earliest deadline of a step that still counts, with what passing it means.
    fn deadline(&self, step: &Step) -> (Timestamp, &'static str) {
        if let Some(after) = step.continue_after_s {
            return (after_s(self.clock_from, after), "it only informs");
        }
        let arrived = self.current().any(Message::is_delivered);
        // A text to another number of a recipient has as long as the first had.
        let later = self.current().filter(|m| m.follows().is_some()).filter_map(Message::was_made_at).max();
        let from = later.map_or(self.clock_from, |later| later.max(self.clock_from));
        let deliver = step
            .deliver_within_s()
            .filter(|_| !arrived)
            .map(|within| (after_s(from, within), "not delivered in time"));
        let ack =
            step.ack_within_s.map(|within| (after_s(self.clock_from, within), "not acknowledged in time"));
        let held = self.held_by_agent();
        let ack = ack.map(|(at, reason)| (held.map_or(at, |held| held.max(at)), reason));
        let earliest = [deliver, ack].into_iter().flatten().min();
        // Fallback for a step without deadlines: `not_after` ends the run.
        earliest.unwrap_or((self.not_after, "the event is of no use any more"))
    }

    /// When its step ends by its deadline, unless something comes before; absent while no step is under way.
    pub fn step_ends_at(&self, workflow: &Workflow) -> Option<Timestamp> {
        let is_under_way = self.phase == RunPhase::Active && self.next.is_none();
        let step = workflow.step(self.step).filter(|_| is_under_way)?;
        Some(self.deadline(step).0)
    }

    /// When a request must begin to be answered before the deadline of its step.
    pub(super) fn last_try_at(&self, workflow: &Workflow, message: &Message) -> Option<Timestamp> {
        let step = workflow.step(message.step()).filter(|step| !step.only_informs());
        let ends = step.map(|step| self.deadline(step).0);
        ends.filter(|_| self.is_current(message)).map(|ends| after_s(ends, -LAST_TRY_S))
    }

    /// Whether a text of the step may still do what the step is for: be acknowledged, or else arrive.
    fn may_succeed(&self, step: &Step) -> bool {
        if step.acknowledged_by == AcknowledgedBy::All {
            return self.all_may_answer();
        }
        let may = if step.ack_within_s.is_some() { Message::may_be_answered } else { Message::is_alive };
        self.current().any(may)
    }

    fn current(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.start() == self.start())
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
            let waits_for_all = step.acknowledged_by == AcknowledgedBy::All;
            return Some(if self.current().any(Message::is_alive) {
                if waits_for_all {
                    "not everybody of the step can be reached"
                } else {
                    "every recipient of the step opted out"
                }
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
        let waits = |step: &Step| step.ack_within_s.is_some() || step.only_informs();
        let waits_for_more = ctx.workflow.step(self.step).is_none_or(waits);
        if self.phase == RunPhase::Active && !waits_for_more && self.current().any(Message::is_delivered) {
            self.cancel_waiting(ctx);
            self.close(RunPhase::Completed, "", ctx);
        }
        self.cancel_unwanted(ctx);
        self.try_next_numbers(ctx);
    }

    /// A test page escalates to nobody, and an unanswered one is no run that reached nobody.
    pub(super) fn end_test_page(&mut self, reason: &str, ctx: &mut StepContext<'_>) {
        self.cancel_waiting(ctx);
        let suppressed = |message: &Message| matches!(message.phase(), MessagePhase::Suppressed { .. });
        let phase =
            if self.messages.iter().all(suppressed) { RunPhase::Suppressed } else { RunPhase::Expired };
        self.close(phase, reason, ctx);
    }

    pub(super) fn finish(&mut self, ctx: &mut StepContext<'_>) {
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
