//! How a message changes: the table of every phase and everything that can happen to it. What follows a doubt is in
//! `doubt`, what follows the provider's word in `reported`.
//!
//! In: a message, an event, the time. Out: its next phase, and effects. What is stale or doubled changes nothing.
//! Never: goes backwards in status, or leaves `dispatching` for another send without passing through doubt.

use jiff::Timestamp;

use super::{Message, MessageContext, MessageEvent, MessagePhase, reported::Report};
use crate::{
    id::{MessageId, RunId},
    limits::{
        CRITICAL_LATER_MS_MAX, LAST_TRY_SPREAD_MS, LEASE_MS, LOST_CRITICAL_MS, OUTAGE_WAIT_MS, REWAKE_MS,
        REWAKE_MS_MAX,
    },
    originator::{OriginatorName, Receipt},
    phone::CallingCode,
    policy::{Decision, Rule},
    provider::{FailureClass, Refusal, SubmitOutcome, Text},
    retry::{FailedAttempt, RetryPolicy, spread},
    time::after_ms,
    timeline::{Command, DeadLetter, DoubtResolvedBy, Effects, TimelineEvent},
};

/// The evidence of a doubt that an answer resolves after the claim had lapsed.
const LATE_ANSWER: &str = "the provider's answer came late";

impl Message {
    /// Applies what happened. Stale and doubled events change nothing.
    pub fn apply(&mut self, event: &MessageEvent<'_>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        match event {
            MessageEvent::Begin(from) if self.is_waiting() => self.begin(*from, ctx, fx),
            // A retry that waits longer is a retry still.
            MessageEvent::Defer(until) if self.is_retry() => {
                self.wait(MessagePhase::RetryWait { until: *until })
            }
            MessageEvent::Defer(until) if self.is_waiting() => {
                self.wait(MessagePhase::Queued { not_before: *until })
            }
            MessageEvent::Suppress(rule) if self.is_waiting() => {
                self.wait(MessagePhase::Suppressed { rule: *rule });
            }
            MessageEvent::Withdraw { attempt, rule } if self.holds_claim(*attempt) => {
                self.wait(MessagePhase::Suppressed { rule: *rule });
            }
            MessageEvent::Expire if self.is_waiting() => self.wait(MessagePhase::Expired),
            MessageEvent::Cancel if self.is_waiting() => {
                self.wait(MessagePhase::Cancelled);
                fx.note(ctx.now, self.number, TimelineEvent::Cancelled);
            }
            MessageEvent::MaybeLost(from) if self.is_waiting() => self.maybe_lost(*from, ctx, fx),
            MessageEvent::Answered { attempt, outcome, in_outage } => {
                self.answered(*attempt, outcome, *in_outage, ctx, fx);
            }
            MessageEvent::Status { sid, status, code, class } => {
                let (by, evidence) = (DoubtResolvedBy::Callback, "the provider's status carries our id");
                let (status, code, class) = (*status, *code, *class);
                self.status(&Report { sid, status, code, class, by, evidence }, ctx, fx);
            }
            MessageEvent::DoubtAnswered(answer) => self.doubt_answered(answer, ctx, fx),
            MessageEvent::Polled(answer) => self.polled(answer, ctx, fx),
            MessageEvent::Reviewed { by, verdict } if self.needs_review() => {
                self.reviewed(by, verdict, ctx, fx)
            }
            MessageEvent::Told { by, status, code } => self.told(by, *status, *code, ctx, fx),
            MessageEvent::Tick => self.tick(ctx, fx),
            MessageEvent::Begin(_)
            | MessageEvent::Defer(_)
            | MessageEvent::Suppress(_)
            | MessageEvent::Withdraw { .. }
            | MessageEvent::Expire
            | MessageEvent::MaybeLost(_)
            | MessageEvent::Reviewed { .. }
            | MessageEvent::Cancel => {}
        }
    }

    /// Takes the text that was composed for it, and how many segments that needs.
    pub(crate) fn take_text(&mut self, text: Text, segments: u8) {
        self.text = Some(text);
        self.segments = segments;
    }

    /// The recipient's hourly quota was charged for it, which is done once.
    pub(crate) fn charge_recipient(&mut self) {
        self.recipient_charged = true;
    }

    /// Keeps the sender's slot that was reserved for it, while it waits. A slot kept before is given up.
    pub(crate) fn keep_slot(&mut self, slot_at: Option<Timestamp>) {
        self.slot_at = slot_at.filter(|_| self.is_waiting());
    }

    /// Puts a dead message back, to be sent as if for the first time; what it tried before stays in the timeline.
    pub(crate) fn requeue(&mut self, now: Timestamp) {
        self.wait(MessagePhase::Queued { not_before: now });
        self.first_attempt_at = None;
        self.uncounted_attempts = self.attempt;
        self.refused_from.clear();
    }

    /// Moves to a phase that fences every command given out before.
    pub(super) fn wait(&mut self, phase: MessagePhase) {
        self.phase = phase;
        self.epoch += 1;
        self.rewake_at = None;
        self.poll_at = None;
    }

    fn begin(&mut self, from: Option<&OriginatorName>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let lease_until = after_ms(ctx.now, LEASE_MS);
        self.wait(MessagePhase::Dispatching { started_at: ctx.now, lease_until });
        self.slot_at = None;
        self.quiet_since = None;
        self.from = from.cloned();
        self.attempt += 1;
        self.first_attempt_at.get_or_insert(ctx.now);
        fx.note(ctx.now, self.number, TimelineEvent::DispatchBegan { attempt: self.attempt });
    }

    fn answered(
        &mut self,
        attempt: u16,
        outcome: &SubmitOutcome,
        in_outage: bool,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        match outcome {
            // An answer that the provider took it counts in every phase.
            SubmitOutcome::Sent { sid, status } => {
                let (by, evidence) = (DoubtResolvedBy::Answer, LATE_ANSWER);
                let (status, code, class) = (*status, None, FailureClass::Informational);
                self.status(&Report { sid, status, code, class, by, evidence }, ctx, fx);
            }
            SubmitOutcome::NotSent(refusal) if self.is_asking(attempt) => {
                self.refused(refusal, in_outage, ctx, fx);
            }
            SubmitOutcome::InDoubt { reason } if self.is_asking(attempt) => self.doubt(reason, ctx, fx),
            SubmitOutcome::NotSent(_) | SubmitOutcome::InDoubt { .. } => {}
        }
    }

    /// Whether this attempt is claimed, and its request may not have been made yet.
    fn holds_claim(&self, attempt: u16) -> bool {
        matches!(self.phase, MessagePhase::Dispatching { .. }) && attempt == self.attempt
    }

    /// Whether the outcome of this attempt is still open.
    fn is_asking(&self, attempt: u16) -> bool {
        let open = matches!(self.phase, MessagePhase::Dispatching { .. } | MessagePhase::InDoubt { .. });
        open && attempt == self.attempt
    }

    fn refused(&mut self, refusal: &Refusal, in_outage: bool, ctx: &MessageContext<'_>, fx: &mut Effects) {
        if refusal.class != FailureClass::Ambiguous {
            if matches!(self.phase, MessagePhase::InDoubt { .. }) {
                self.resolve_doubt(DoubtResolvedBy::Answer, LATE_ANSWER, ctx, fx);
            }
            let reason = refusal.reason.clone();
            fx.note(ctx.now, self.number, TimelineEvent::Refused { code: refusal.code, reason });
        }
        if refusal.of_originator && self.try_another(ctx, fx) {
            return;
        }
        match refusal.class {
            FailureClass::RetrySoon if in_outage => self.wait_for_provider(ctx, fx),
            FailureClass::Account => self.wait_for_provider(ctx, fx),
            FailureClass::RetrySoon | FailureClass::RetryLater => {
                self.uncounted_attempts = self.uncounted_attempts.saturating_add(1);
                // The longer it is told to wait, the longer it waits before it asks again; a page waits no longer after
                // the provider's return than it would behind the circuit breaker.
                let failed = self.failed_attempt(self.attempt, refusal.retry_after_ms, ctx);
                let not_after = Some(self.last_wait_until(ctx));
                let cap_ms = if ctx.is_critical { CRITICAL_LATER_MS_MAX } else { u32::MAX };
                let retry = RetryPolicy { cap_ms: ctx.retry.cap_ms.min(cap_ms), ..ctx.retry.clone() };
                self.wait_for_retry(retry.later(&FailedAttempt { not_after, ..failed }), ctx, fx);
            }
            FailureClass::OptedOut => {
                self.wait(MessagePhase::Suppressed { rule: Rule::OptedOut });
                self.note_opt_out(refusal.code, ctx, fx);
            }
            FailureClass::Ambiguous => self.doubt(&refusal.reason, ctx, fx),
            FailureClass::Recipient
            | FailureClass::Configuration
            | FailureClass::Originator
            | FailureClass::Informational => {
                self.die("refused", &refusal.reason, refusal.code, ctx, fx);
            }
        }
    }

    /// The refusal is about whom it comes from: that counts against it, and another one is tried at once, if there is one.
    fn try_another(&mut self, ctx: &MessageContext<'_>, fx: &mut Effects) -> bool {
        let calling_code = CallingCode::of(&self.recipient.number);
        fx.receipts.push(Receipt { originator: self.from.clone(), calling_code, is_delivered: false });
        self.take_another(ctx, fx)
    }

    /// Another originator is tried at once, if there is one that was not tried.
    pub(super) fn take_another(&mut self, ctx: &MessageContext<'_>, fx: &mut Effects) -> bool {
        let Some(from) = self.from.clone().filter(|_| ctx.may_try_another) else { return false };
        self.refused_from.push(from);
        self.uncounted_attempts = self.uncounted_attempts.saturating_add(1);
        // It does not wait as a retry does: nothing speaks against the text, and the retry budget is for those.
        self.wait(MessagePhase::Queued { not_before: ctx.now });
        fx.note(ctx.now, self.number, TimelineEvent::RetryScheduled { until: ctx.now });
        true
    }

    /// When the next attempt may be made, if there is to be one.
    pub(super) fn retry_at(
        &self,
        retry_after_ms: Option<u64>,
        ctx: &MessageContext<'_>,
    ) -> Option<Timestamp> {
        ctx.retry.next(&self.failed_attempt(self.counted_attempts(), retry_after_ms, ctx))
    }

    fn failed_attempt(
        &self,
        attempt: u16,
        retry_after_ms: Option<u64>,
        ctx: &MessageContext<'_>,
    ) -> FailedAttempt {
        FailedAttempt {
            attempt,
            seed: seed_of(ctx.run, self.number),
            first_at: self.first_attempt_at.unwrap_or(ctx.now),
            now: ctx.now,
            retry_after_ms,
            not_after: Some(ctx.not_after),
        }
    }

    /// Nothing is wrong with the text: it waits until the provider takes texts again, or until it is of no use.
    pub(super) fn wait_for_provider(&mut self, ctx: &MessageContext<'_>, fx: &mut Effects) {
        self.uncounted_attempts += 1;
        let spread = spread(seed_of(ctx.run, self.number), self.attempt, OUTAGE_WAIT_MS);
        let until = after_ms(ctx.now, OUTAGE_WAIT_MS + spread).min(self.last_wait_until(ctx));
        self.wait_for_retry(until, ctx, fx);
    }

    /// The end of the longest wait for a provider that said "later": one that would outlast the step is shortened, so that
    /// a text is not withdrawn untried while there was time for it.
    fn last_wait_until(&self, ctx: &MessageContext<'_>) -> Timestamp {
        let spread = spread(seed_of(ctx.run, self.number), self.attempt, LAST_TRY_SPREAD_MS);
        let last_try = ctx.last_try_at.map(|last| after_ms(last, -spread));
        last_try.filter(|last| *last > ctx.now).unwrap_or(ctx.not_after)
    }

    pub(super) fn wait_for_retry(&mut self, until: Timestamp, ctx: &MessageContext<'_>, fx: &mut Effects) {
        self.wait(MessagePhase::RetryWait { until });
        fx.note(ctx.now, self.number, TimelineEvent::RetryScheduled { until });
    }

    fn die(
        &mut self,
        reason: &str,
        error: &str,
        code: Option<u32>,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        let id = MessageId { run: ctx.run.clone(), number: self.number };
        self.wait(MessagePhase::Dead { reason: reason.to_owned(), code });
        fx.note(ctx.now, self.number, TimelineEvent::Died { reason: reason.to_owned() });
        fx.dead_letters.push(DeadLetter {
            id: format!("{id}.{}", self.epoch),
            epoch: Some(self.epoch),
            reason: reason.to_owned(),
            error: error.to_owned(),
            at: ctx.now,
            message: Some(id),
            workflow: Some(ctx.workflow.to_owned()),
            source: Some(ctx.source.to_owned()),
            event_id: None,
            attempts: self.attempt,
            traceparent: ctx.traceparent.map(str::to_owned),
            event: None,
            origin: None,
        });
    }

    /// Dies before it was ever sent, for example because its text could not be composed.
    pub(crate) fn die_unsent(
        &mut self,
        reason: &str,
        error: &str,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        self.die(reason, error, None, ctx, fx);
    }

    pub(super) fn tick(&mut self, ctx: &MessageContext<'_>, fx: &mut Effects) {
        if self.is_waiting() && ctx.now >= ctx.not_after {
            fx.note(ctx.now, self.number, TimelineEvent::Decided(Decision::expire(ctx.not_after)));
            return self.wait(MessagePhase::Expired);
        }
        let Some(due) = self.next_due().filter(|due| *due <= ctx.now) else { return };
        let message = MessageId { run: ctx.run.clone(), number: self.number };
        let command = match self.phase {
            // Its group is asked before it is sent, by who ticks its run: it stays due until then.
            MessagePhase::Queued { .. } if self.is_held() => return,
            MessagePhase::Told { .. } => {
                self.polls = self.polls.saturating_add(1);
                self.poll_at = ctx.poll.next(self.polls, ctx.now);
                return;
            }
            MessagePhase::Queued { .. } | MessagePhase::RetryWait { .. } => {
                Command::Dispatch { message, epoch: self.epoch }
            }
            MessagePhase::InDoubt { .. } => Command::ResolveDoubt { message, epoch: self.epoch },
            // The claim's owner is gone, or paused: its request may have gone out.
            MessagePhase::Dispatching { .. } => {
                return self.doubt("the claim lapsed without an answer", ctx, fx);
            }
            MessagePhase::Submitted { .. } => Command::PollStatus { message, epoch: self.epoch },
            MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => return,
        };
        // A backlog must not grow by its own wake-ups. The longer one stays without effect, the more rarely it is repeated;
        // and only one that is late for long may be lost although its queue is long.
        let late_ms = ctx.now.duration_since(self.phase_due().unwrap_or(due)).as_millis();
        let late_ms = i64::try_from(late_ms).unwrap_or(i64::MAX);
        let lost_ms = if ctx.is_critical { LOST_CRITICAL_MS } else { REWAKE_MS_MAX };
        let is_repeat = self.rewake_at.is_some() || matches!(command, Command::PollStatus { .. });
        let list = if is_repeat && late_ms < lost_ms { &mut fx.repeats } else { &mut fx.commands };
        list.push(command);
        // The next one comes no later than when this one may have been lost.
        let longest_ms = if late_ms < lost_ms { (lost_ms - late_ms).max(REWAKE_MS) } else { REWAKE_MS_MAX };
        self.rewake_at = Some(after_ms(ctx.now, late_ms.clamp(REWAKE_MS, longest_ms)));
    }
}

/// A number that is the same wherever it is computed, for jitter that can be replayed.
fn seed_of(run: &RunId, number: u16) -> u64 {
    let digest = crate::id::digest(&[run.as_str(), &number.to_string()]);
    digest[..8].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
