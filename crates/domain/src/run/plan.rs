//! Which step begins next, and when: after another one, after a delay, because somebody hands the run on, or because an
//! acknowledgement expired. In: a run, its workflow and the time. Out: the step that must start.
//!
//! Never: starts a step; who it notifies is not known here.

use jiff::Timestamp;

use super::{AckHold, Planned, Run, RunPhase, StepContext};
use crate::{
    limits::RUN_MESSAGES_MAX,
    message::{Message, MessageEvent},
    notice::{APPROVAL, CANARY, TEST_PAGE},
    time::after_s,
    timeline::{HANDED_OVER_BY, TimelineEvent},
    workflow::{Step, Workflow},
};

impl Run {
    /// Plans the first step.
    pub(super) fn plan_first(&mut self, ctx: &mut StepContext<'_>) {
        self.plan(Planned { step: 0, round: 0, start: 0, at: ctx.now, silenced_until: None }, false, ctx);
    }

    /// The planned step whose time has come. It is for the caller to start it.
    pub fn planned_step(&self, now: Timestamp) -> Option<u8> {
        let planned = self.next.as_ref().filter(|next| self.phase == RunPhase::Active && next.at <= now);
        planned.map(|next| next.step)
    }

    /// Whether somebody may have it move on: it is under way, or somebody took it on and its texts are still there.
    pub fn may_move_on(&self, now: Timestamp) -> bool {
        match self.phase {
            RunPhase::Active => true,
            RunPhase::Acknowledged => {
                ![TEST_PAGE, CANARY].contains(&&*self.workflow) && now < self.not_after && self.holds_texts()
            }
            RunPhase::Completed
            | RunPhase::Resolved
            | RunPhase::Exhausted
            | RunPhase::Suppressed
            | RunPhase::Expired
            | RunPhase::Cancelled => false,
        }
    }

    /// Somebody has the run move on now, also when it was acknowledged. Returns the step that must start; `None` also
    /// where the run is over, or ends by this.
    pub fn escalate(&mut self, by: &str, ctx: &mut StepContext<'_>) -> Option<u8> {
        self.may_move_on(ctx.now).then(|| self.move_on(&format!("escalated by {by}"), ctx))?
    }

    /// The recipient of the message with this number hands the run on to the next step at once. Returns whether that was
    /// theirs to do: while the run pages, only those whom the step under way texted may.
    ///
    /// The step that follows is planned, and the run is due at once.
    pub(super) fn hand_over(&mut self, by: &str, number: u16, ctx: &mut StepContext<'_>) -> bool {
        let is_of_step = self.message(number).is_some_and(|message| message.start() == self.start());
        let is_planned = self.planned_step(ctx.now).is_some();
        let is_theirs = self.phase == RunPhase::Acknowledged || (is_of_step && !is_planned);
        let may = is_theirs && self.may_move_on(ctx.now);
        if may {
            self.move_on(&format!("{HANDED_OVER_BY}{by}"), ctx);
        }
        may
    }

    fn move_on(&mut self, reason: &str, ctx: &mut StepContext<'_>) -> Option<u8> {
        if self.phase == RunPhase::Acknowledged {
            self.page_again();
        }
        let Some(next) = &mut self.next else { return self.leave_step(reason, true, ctx) };
        next.at = next.at.min(ctx.now);
        let reason = reason.to_owned();
        ctx.note_run(TimelineEvent::DelayCut { step: next.step, reason });
        self.planned_step(ctx.now)
    }

    /// Ends the step under way. Returns the step that must start now.
    pub(super) fn leave_step(
        &mut self,
        reason: &str,
        at_once: bool,
        ctx: &mut StepContext<'_>,
    ) -> Option<u8> {
        if [TEST_PAGE, CANARY, APPROVAL].contains(&&*self.workflow) {
            self.end_test_page(reason, ctx);
            return None;
        }
        ctx.note_run(TimelineEvent::Escalated { step: self.step, reason: reason.to_owned() });
        let next = ctx.workflow.next_step(self.step, self.round);
        let Some((step, round)) = next.filter(|_| ctx.now < self.not_after && self.has_room()) else {
            self.cancel_waiting(ctx);
            self.finish(ctx);
            return None;
        };
        self.plan(
            Planned { step, round, start: self.next_start(), at: ctx.now, silenced_until: None },
            at_once,
            ctx,
        );
        self.planned_step(ctx.now)
    }

    /// An acknowledgement holds from now on: for good, or for as long as its workflow says. What would not be of use then
    /// pages nobody again.
    pub(super) fn hold(&mut self, step: u8, ctx: &StepContext<'_>) {
        let until = ctx.workflow.definition.ack_expires_s.map(|wait_s| after_s(ctx.now, wait_s));
        let until = until.filter(|until| *until < self.not_after);
        self.ack_hold = until.map(|until| AckHold { step, until });
    }

    /// Pages again where an acknowledgement has expired and nothing resolved the run.
    pub(super) fn expire_acknowledgement(&mut self, ctx: &mut StepContext<'_>) {
        let Some(hold) = self.ack_hold.clone().filter(|hold| hold.until <= ctx.now) else { return };
        self.ack_hold = None;
        if ctx.now >= self.not_after || !self.has_room() {
            return;
        }
        self.page_again();
        self.expired_acks = self.expired_acks.saturating_add(1);
        ctx.note_run(TimelineEvent::AcknowledgementExpired { step: hold.step });
        let (round, start) = (self.round, self.next_start());
        self.plan(Planned { step: hold.step, round, start, at: ctx.now, silenced_until: None }, true, ctx);
    }

    /// Plans a step, after its delay unless it begins `at_once`, and withdraws the texts that nobody needs any more.
    fn plan(&mut self, planned: Planned, at_once: bool, ctx: &mut StepContext<'_>) {
        let delay_s = ctx.workflow.step(planned.step).and_then(|step| step.delay_s).filter(|_| !at_once);
        let (step, now) = (planned.step, ctx.now);
        let until = delay_s.map(|delay_s| after_s(now, delay_s).min(self.not_after));
        self.next = Some(Planned { at: until.unwrap_or(now), ..planned });
        self.cancel_unwanted(ctx);
        if let Some(until) = until {
            ctx.note_run(TimelineEvent::StepDelayed { step, until });
        }
    }

    /// Under way again after an acknowledgement.
    fn page_again(&mut self) {
        self.phase = RunPhase::Active;
        self.closed_at = None;
        self.ack_hold = None;
    }

    fn next_start(&self) -> u16 {
        let latest = self.messages.iter().map(Message::start).max().unwrap_or(0);
        latest.max(self.start()).saturating_add(1)
    }

    /// Whether it may have more texts.
    pub(super) fn has_room(&self) -> bool {
        self.messages.len() < RUN_MESSAGES_MAX
    }

    /// Whether a message may still be sent: it is of the step under way, or informs.
    pub(super) fn is_wanted(&self, message: &Message, workflow: &Workflow) -> bool {
        let informs = || workflow.step(message.step()).is_some_and(Step::only_informs);
        self.phase == RunPhase::Active && (self.is_current(message) || informs())
    }

    /// Whether a message is of the step under way.
    pub(super) fn is_current(&self, message: &Message) -> bool {
        self.next.is_none() && message.start() == self.start()
    }

    /// A refusal or the end of a doubt may leave a text waiting in a run, or a step, that is over.
    pub(super) fn cancel_unwanted(&mut self, ctx: &mut StepContext<'_>) {
        for index in 0..self.messages.len() {
            if !self.is_wanted(&self.messages[index], ctx.workflow) {
                self.apply_at(index, &MessageEvent::Cancel, ctx);
            }
        }
    }
}
