//! How a message changes: the table of every phase and everything that can happen to it.
//!
//! In: a message, an event, the time. Out: its next phase, and effects. What is stale or doubled changes nothing.
//! Never: goes backwards in status, or leaves `dispatching` for another send without passing through doubt.

use jiff::Timestamp;

use super::{HeldVerdict, Message, MessageContext, MessageEvent, MessagePhase};
use crate::{
    carrier::{CarrierStatus, FailureClass, MessageSid, Refusal, SubmitOutcome},
    consent::{ConsentChange, ConsentEntry},
    doubt::DoubtAnswer,
    id::{MessageId, RunId},
    limits::{ACCOUNT_STOP_MS, LEASE_MS, LOST_ASK_MS, NUDGE_MS, NUDGE_MS_MAX},
    moment::after_ms,
    policy::{Decision, Rule},
    poll::PollAnswer,
    retry::{RetryQuestion, spread},
    timeline::{Command, DeadLetter, Effects, Happening},
    workflow::OnDoubt,
};

/// What a doubt rests on that the answer itself settles, after the claim had lapsed.
const LATE_ANSWER: &str = "the provider's answer came late";

/// The provider has the text: under which name, how far it got, and how we know.
struct Report<'a> {
    sid: &'a MessageSid,
    status: CarrierStatus,
    code: Option<u32>,
    class: FailureClass,
    /// What settles a doubt with it, as in [`Happening::DoubtSettled`].
    by: &'a str,
    evidence: &'a str,
}

impl Message {
    /// Applies what happened. Stale and doubled events change nothing.
    pub fn apply(&mut self, event: &MessageEvent<'_>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        match event {
            MessageEvent::Begin if self.is_waiting() => self.begin(ctx, fx),
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
            MessageEvent::Expire if self.is_waiting() => self.wait(MessagePhase::Expired),
            MessageEvent::Cancel if self.is_waiting() => {
                self.wait(MessagePhase::Cancelled);
                fx.note(ctx.now, self.number, Happening::Cancelled);
            }
            MessageEvent::MaybeLost(from) if self.is_waiting() => self.maybe_lost(*from, ctx, fx),
            MessageEvent::Answered { attempt, outcome, in_outage } => {
                self.answered(*attempt, outcome, *in_outage, ctx, fx);
            }
            MessageEvent::Status { sid, status, code, class } => {
                let (by, evidence) = ("callback", "the provider's status carries our id");
                let (status, code, class) = (*status, *code, *class);
                self.status(&Report { sid, status, code, class, by, evidence }, ctx, fx);
            }
            MessageEvent::DoubtAnswered(answer) => self.doubt_answered(answer, ctx, fx),
            MessageEvent::Polled(answer) => self.polled(answer, ctx, fx),
            MessageEvent::Settled { by, verdict } if self.is_held() => self.settled(by, verdict, ctx, fx),
            MessageEvent::Tick => self.tick(ctx, fx),
            MessageEvent::Begin
            | MessageEvent::Defer(_)
            | MessageEvent::Suppress(_)
            | MessageEvent::Expire
            | MessageEvent::MaybeLost(_)
            | MessageEvent::Settled { .. }
            | MessageEvent::Cancel => {}
        }
    }

    /// Puts a dead message back, to be sent as if for the first time; what it tried before stays in the timeline.
    pub(crate) fn requeue(&mut self, now: Timestamp) {
        self.wait(MessagePhase::Queued { not_before: now });
        self.first_attempt_at = None;
        self.excused = self.attempt;
    }

    /// Moves to a phase that fences every command given out before.
    fn wait(&mut self, phase: MessagePhase) {
        self.phase = phase;
        self.epoch += 1;
        self.nudge_at = None;
        self.poll_at = None;
    }

    fn begin(&mut self, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let lease_until = after_ms(ctx.now, LEASE_MS);
        self.wait(MessagePhase::Dispatching { started_at: ctx.now, lease_until });
        self.slot_at = None;
        self.attempt += 1;
        self.first_attempt_at.get_or_insert(ctx.now);
        fx.note(ctx.now, self.number, Happening::DispatchBegan { attempt: self.attempt });
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
            // That the provider took it is true whatever we have come to believe since.
            SubmitOutcome::Sent { sid, status } => {
                let (by, evidence) = ("answer", LATE_ANSWER);
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

    /// Whether the outcome of this attempt is still open.
    fn is_asking(&self, attempt: u16) -> bool {
        let open = matches!(self.phase, MessagePhase::Dispatching { .. } | MessagePhase::InDoubt { .. });
        open && attempt == self.attempt
    }

    fn refused(&mut self, refusal: &Refusal, in_outage: bool, ctx: &MessageContext<'_>, fx: &mut Effects) {
        if refusal.class != FailureClass::Ambiguous {
            if matches!(self.phase, MessagePhase::InDoubt { .. }) {
                self.settle_doubt("answer", LATE_ANSWER, ctx, fx);
            }
            let reason = refusal.reason.clone();
            fx.note(ctx.now, self.number, Happening::Refused { code: refusal.code, reason });
        }
        match refusal.class {
            FailureClass::RetrySoon if in_outage => self.wait_for_provider(ctx, fx),
            FailureClass::Account => self.wait_for_provider(ctx, fx),
            FailureClass::RetrySoon | FailureClass::RetryLater => {
                match self.retry_at(refusal.retry_after_ms, ctx) {
                    Some(until) => self.wait_for_retry(until, ctx, fx),
                    None => self.die("attempts_used_up", &refusal.reason, refusal.code, ctx, fx),
                }
            }
            FailureClass::OptedOut => {
                self.wait(MessagePhase::Suppressed { rule: Rule::OptedOut });
                self.note_opt_out(refusal.code, ctx, fx);
            }
            FailureClass::Ambiguous => self.doubt(&refusal.reason, ctx, fx),
            FailureClass::Recipient | FailureClass::Configuration | FailureClass::Informational => {
                self.die("refused", &refusal.reason, refusal.code, ctx, fx);
            }
        }
    }

    /// When the next attempt may be made, if there is to be one.
    fn retry_at(&self, retry_after_ms: Option<u64>, ctx: &MessageContext<'_>) -> Option<Timestamp> {
        ctx.retry.next(&RetryQuestion {
            attempt: self.counted_attempts(),
            seed: seed_of(ctx.run, self.number),
            first_at: self.first_attempt_at.unwrap_or(ctx.now),
            now: ctx.now,
            retry_after_ms,
            not_after: Some(ctx.not_after),
        })
    }

    /// Nothing is wrong with the text: it waits until the provider takes texts again, or until it is of no use.
    fn wait_for_provider(&mut self, ctx: &MessageContext<'_>, fx: &mut Effects) {
        self.excused += 1;
        let spread = spread(seed_of(ctx.run, self.number), self.attempt, ACCOUNT_STOP_MS);
        self.wait_for_retry(after_ms(ctx.now, ACCOUNT_STOP_MS + spread).min(ctx.not_after), ctx, fx);
    }

    fn wait_for_retry(&mut self, until: Timestamp, ctx: &MessageContext<'_>, fx: &mut Effects) {
        self.wait(MessagePhase::RetryWait { until });
        fx.note(ctx.now, self.number, Happening::RetryScheduled { until });
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
        fx.note(ctx.now, self.number, Happening::Died { reason: reason.to_owned() });
        fx.dead_letters.push(DeadLetter {
            id: format!("{id}.{}", self.epoch),
            reason: reason.to_owned(),
            error: error.to_owned(),
            at: ctx.now,
            message: Some(id),
            workflow: Some(ctx.workflow.to_owned()),
            source: Some(ctx.source.to_owned()),
            attempts: self.attempt,
            traceparent: ctx.traceparent.map(str::to_owned),
            event: None,
        });
    }

    /// Dies before it was ever sent, for example because its text could not be composed.
    pub fn die_unsent(&mut self, reason: &str, error: &str, ctx: &MessageContext<'_>, fx: &mut Effects) {
        self.die(reason, error, None, ctx, fx);
    }

    fn doubt(&mut self, reason: &str, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let MessagePhase::Dispatching { started_at, .. } = self.phase else { return };
        self.wait(MessagePhase::InDoubt {
            started_at,
            asked: 0,
            ask_at: ctx.doubt.ask_again_at(started_at, 0),
            lost_until: None,
        });
        fx.note(ctx.now, self.number, Happening::DoubtBegan { reason: reason.to_owned() });
    }

    fn maybe_lost(&mut self, from: Timestamp, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let started_at = from.min(ctx.now);
        let ask_at = after_ms(ctx.now, LOST_ASK_MS);
        self.wait(MessagePhase::InDoubt { started_at, asked: 0, ask_at, lost_until: Some(ctx.now) });
        let reason =
            "the store came back without its latest writes, and may have lost that this was sent".to_owned();
        fx.note(ctx.now, self.number, Happening::DoubtBegan { reason });
    }

    fn doubt_answered(&mut self, answer: &DoubtAnswer, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let MessagePhase::InDoubt { started_at, asked, ask_at, lost_until } = self.phase else { return };
        let evidence = match answer {
            // Whoever reads the provider's list leaves earlier attempts out; should one come here, it settles nothing.
            DoubtAnswer::Found { sid, .. } if self.spent.contains(sid) => {
                "what the provider has is an earlier attempt".to_owned()
            }
            DoubtAnswer::Found { sid, status, code, class, evidence } => {
                let (status, code, class, by) = (*status, *code, *class, "found");
                return self.status(&Report { sid, status, code, class, by, evidence }, ctx, fx);
            }
            // A wake-up may come twice. Were both questions counted, the doubt would end before its time.
            DoubtAnswer::NotFound { .. } | DoubtAnswer::NoAnswer { .. } if ctx.now < ask_at => return,
            // Whoever sent it did so long ago, if anybody did: the provider would list it.
            DoubtAnswer::NotFound { evidence } if lost_until.is_some() => {
                self.wait(MessagePhase::Queued { not_before: ctx.now });
                self.settle_doubt("resend", evidence, ctx, fx);
                return self.tick(ctx, fx);
            }
            DoubtAnswer::NotFound { evidence } => evidence.clone(),
            DoubtAnswer::NoAnswer { reason } => format!("the provider could not be asked: {reason}"),
        };
        let asked = asked.saturating_add(1);
        fx.note(ctx.now, self.number, Happening::DoubtAsked { asked, evidence: evidence.clone() });
        if !ctx.doubt.is_given_up(asked) {
            let ask_at = ctx.doubt.ask_after_answer(started_at, asked, ctx.now);
            self.phase = MessagePhase::InDoubt { started_at, asked, ask_at, lost_until };
            self.nudge_at = None;
        } else if !self.may_resend(ctx) {
            self.wait(MessagePhase::Held { started_at, sent_says: None });
            self.settle_doubt("hold", &evidence, ctx, fx);
        } else {
            self.wait(MessagePhase::Queued { not_before: ctx.now });
            self.settle_doubt("resend", &evidence, ctx, fx);
        }
    }

    /// Whether a text whose fate stayed unknown may be sent again. If not it is held: it may have gone out, and to
    /// call it expired or withdrawn would hide that. Without the bound on attempts a provider that takes texts and
    /// answers with errors would send one for ever.
    fn may_resend(&self, ctx: &MessageContext<'_>) -> bool {
        let asked_for = ctx.is_wanted && ctx.now < ctx.not_after;
        ctx.on_doubt == OnDoubt::Resend && asked_for && self.counted_attempts() < ctx.retry.attempts_max
    }

    fn settle_doubt(&self, by: &str, evidence: &str, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let what = Happening::DoubtSettled { by: by.to_owned(), evidence: evidence.to_owned() };
        fx.note(ctx.now, self.number, what);
    }

    fn status(&mut self, report: &Report<'_>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let Report { sid, status, code, class, .. } = *report;
        if self.spent.contains(sid) {
            // An earlier attempt, known to have failed: what comes late of it does not undo what followed.
            if status == CarrierStatus::Delivered {
                fx.note(ctx.now, self.number, Happening::ContradictoryStatus { status });
            }
            return;
        }
        if let MessagePhase::Submitted { sid: bound, status: current, code: known } = &self.phase {
            if bound != sid {
                if class == FailureClass::OptedOut {
                    self.note_opt_out(code, ctx, fx);
                }
                fx.sids.push((sid.clone(), self.number));
                return fx.note(ctx.now, self.number, Happening::SecondSid { sid: sid.clone() });
            }
            // The provider's answer to a request names a failure without its code; the callback brings it.
            let explains = status == *current && known.is_none() && code.is_some();
            if status.rank() <= current.rank() && !explains {
                if current.is_final() && status.is_final() && status != *current {
                    fx.note(ctx.now, self.number, Happening::ContradictoryStatus { status });
                }
                return;
            }
        } else {
            self.bind(report, ctx, fx);
        }
        if status.rank() >= CarrierStatus::Sent.rank() {
            fx.note(ctx.now, self.number, Happening::Status { status, code });
        }
        if class == FailureClass::OptedOut {
            self.note_opt_out(code, ctx, fx);
        }
        self.phase = MessagePhase::Submitted { sid: sid.clone(), status, code };
        self.nudge_at = None;
        if status.is_final() {
            self.poll_at = None;
        }
        if status.is_failure() {
            self.delivery_failed(class, ctx, fx);
        }
    }

    /// A text that the provider took and could not deliver is tried again where that may help and nobody else is
    /// told instead.
    fn delivery_failed(&mut self, class: FailureClass, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let MessagePhase::Submitted { sid, .. } = &self.phase else { return };
        let may_help = matches!(class, FailureClass::RetrySoon | FailureClass::RetryLater);
        if !may_help || !ctx.is_wanted || ctx.is_escalated {
            return;
        }
        if let Some(until) = self.retry_at(None, ctx) {
            self.spent.push(sid.clone());
            self.wait_for_retry(until, ctx, fx);
        }
    }

    fn polled(&mut self, answer: &PollAnswer, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let MessagePhase::Submitted { sid, status: known, .. } = &self.phase else { return };
        // A wake-up may come twice; one question is counted once.
        if self.poll_at.is_none_or(|at| ctx.now < at) {
            return;
        }
        let (sid, known) = (sid.clone(), *known);
        self.polls = self.polls.saturating_add(1);
        self.nudge_at = None;
        self.poll_at = ctx.poll.next(self.polls, ctx.now);
        match answer {
            PollAnswer::Status { status, code, class } => {
                if status.rank() > known.rank() {
                    fx.note(ctx.now, self.number, Happening::StatusAsked { status: *status });
                }
                let (status, code, class) = (*status, *code, *class);
                self.status(&Report { sid: &sid, status, code, class, by: "poll", evidence: "" }, ctx, fx);
            }
            PollAnswer::Unknown => {
                self.poll_at = None;
                fx.note(ctx.now, self.number, Happening::StatusUnknown);
            }
            PollAnswer::NoAnswer { .. } => {}
        }
    }

    fn settled(&mut self, by: &str, verdict: &HeldVerdict, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let MessagePhase::Held { started_at, .. } = self.phase else { return };
        match verdict {
            HeldVerdict::Sent { sid: Some(sid) } => {
                let (status, code, class) = (CarrierStatus::Queued, None, FailureClass::Informational);
                let evidence = format!("{by} found it at the provider");
                self.status(
                    &Report { sid, status, code, class, by: "operator", evidence: &evidence },
                    ctx,
                    fx,
                );
            }
            HeldVerdict::Sent { sid: None } => {
                self.settle_doubt("operator", &format!("{by} says that it was sent"), ctx, fx);
                self.wait(MessagePhase::Held { started_at, sent_says: Some(by.to_owned()) });
            }
            HeldVerdict::NotSent => {
                self.settle_doubt("operator", &format!("{by} says that it was not sent"), ctx, fx);
                self.wait(MessagePhase::Queued { not_before: ctx.now });
                if ctx.is_wanted {
                    self.tick(ctx, fx);
                }
            }
        }
    }

    /// Fences whatever was planned: the provider has the text.
    fn bind(&mut self, report: &Report<'_>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        if matches!(self.phase, MessagePhase::InDoubt { .. } | MessagePhase::Held { .. }) {
            self.settle_doubt(report.by, report.evidence, ctx, fx);
        }
        self.epoch += 1;
        self.polls = 0;
        self.poll_at = ctx.poll.first(ctx.deliver_within_s, ctx.now);
        fx.sids.push((report.sid.clone(), self.number));
        fx.note(ctx.now, self.number, Happening::Submitted { sid: report.sid.clone() });
    }

    fn note_opt_out(&self, code: Option<u32>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        fx.consent.push(ConsentEntry {
            number: self.recipient.number.clone(),
            change: ConsentChange::OptOut,
            at: ctx.now,
            source: "provider".to_owned(),
            evidence: format!("error {} for {}-{}", code.unwrap_or(0), ctx.run, self.number),
        });
    }

    fn tick(&mut self, ctx: &MessageContext<'_>, fx: &mut Effects) {
        if self.is_waiting() && ctx.now >= ctx.not_after {
            fx.note(ctx.now, self.number, Happening::Decided(Decision::expire(ctx.not_after)));
            return self.wait(MessagePhase::Expired);
        }
        let Some(due) = self.next_due().filter(|due| *due <= ctx.now) else { return };
        let message = MessageId { run: ctx.run.clone(), number: self.number };
        match self.phase {
            MessagePhase::Queued { .. } | MessagePhase::RetryWait { .. } => {
                fx.commands.push(Command::Dispatch { message, epoch: self.epoch });
            }
            MessagePhase::InDoubt { .. } => {
                fx.commands.push(Command::ResolveDoubt { message, epoch: self.epoch })
            }
            // Whoever held the claim is gone, or paused: its request may have gone out.
            MessagePhase::Dispatching { .. } => {
                return self.doubt("the claim lapsed without an answer", ctx, fx);
            }
            MessagePhase::Submitted { .. } => {
                fx.commands.push(Command::PollStatus { message, epoch: self.epoch });
            }
            MessagePhase::Held { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => return,
        }
        // The longer nobody acts, the rarer it is repeated: a backlog must not grow by its own wake-ups.
        let late_ms = ctx.now.duration_since(self.phase_due().unwrap_or(due)).as_millis();
        let wait_ms = i64::try_from(late_ms).unwrap_or(i64::MAX).clamp(NUDGE_MS, NUDGE_MS_MAX);
        self.nudge_at = Some(after_ms(ctx.now, wait_ms));
    }
}

/// A number that is the same wherever it is computed, for jitter that can be replayed.
fn seed_of(run: &RunId, number: u16) -> u64 {
    let digest = crate::id::digest(&[run.as_str(), &number.to_string()]);
    digest[..8].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
