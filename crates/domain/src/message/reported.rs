//! What follows when the provider says that it has a text, and how far that got.
//!
//! In: statuses, from callbacks, answers and questions. Out: a name, a status that only rises, another attempt where that
//! may help.
//! Never: replaces a name, or lets what comes late of one attempt undo the next.

use super::{Message, MessageContext, MessagePhase};
use crate::{
    consent::{ConsentChange, ConsentEntry},
    originator::Receipt,
    phone::CallingCode,
    poll::PollAnswer,
    provider::{FailureClass, ProviderMessageId, ProviderStatus},
    timeline::{DoubtResolvedBy, Effects, TimelineEvent},
};

/// Whether a failure of this class may be the originator's. One that the phone or its owner is the reason of is not.
fn counts(class: FailureClass) -> bool {
    !matches!(class, FailureClass::Recipient | FailureClass::OptedOut | FailureClass::Account)
}

/// The provider has the text: under which name, how far it got, and how we know.
pub(super) struct Report<'a> {
    pub(super) sid: &'a ProviderMessageId,
    pub(super) status: ProviderStatus,
    pub(super) code: Option<u32>,
    pub(super) class: FailureClass,
    /// What ends a doubt with it, as in [`TimelineEvent::DoubtResolved`].
    pub(super) by: DoubtResolvedBy,
    pub(super) evidence: &'a str,
}

impl Message {
    pub(super) fn status(&mut self, report: &Report<'_>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let Report { sid, status, code, class, .. } = *report;
        if self.failed_sids.contains(sid) {
            // An earlier attempt, known to have failed: what comes late of it does not undo what followed.
            if status == ProviderStatus::Delivered {
                fx.note(ctx.now, self.number, TimelineEvent::ContradictoryStatus { status });
            }
            return;
        }
        if let MessagePhase::Submitted { sid: bound, status: current, code: known } = &self.phase {
            if bound != sid {
                if class == FailureClass::OptedOut {
                    self.note_opt_out(code, ctx, fx);
                }
                fx.sids.push((sid.clone(), self.number));
                return fx.note(ctx.now, self.number, TimelineEvent::SecondSid { sid: sid.clone() });
            }
            // The provider's answer to a request names a failure without its code; the callback brings it.
            let explains = status == *current && known.is_none() && code.is_some();
            if status.rank() <= current.rank() && !explains {
                if current.is_final() && status.is_final() && status != *current {
                    fx.note(ctx.now, self.number, TimelineEvent::ContradictoryStatus { status });
                }
                return;
            }
        } else {
            self.bind(report, ctx, fx);
        }
        if status.rank() >= ProviderStatus::Sent.rank() {
            fx.note(ctx.now, self.number, TimelineEvent::Status { status, code });
        }
        if class == FailureClass::OptedOut {
            self.note_opt_out(code, ctx, fx);
        }
        let was_final = matches!(&self.phase, MessagePhase::Submitted { status, .. } if status.is_final());
        self.phase = MessagePhase::Submitted { sid: sid.clone(), status, code };
        self.rewake_at = None;
        if status.is_final() {
            self.poll_at = None;
        }
        // What only explains a failure is no other receipt.
        if status.is_final() && !was_final {
            self.note_receipt(status, class, fx);
        }
        if status.is_failure() {
            self.delivery_failed(class, ctx, fx);
        }
    }

    /// What became of the attempt says something about whom it came from.
    fn note_receipt(&self, status: ProviderStatus, class: FailureClass, fx: &mut Effects) {
        let is_delivered = status == ProviderStatus::Delivered;
        if is_delivered || counts(class) {
            let calling_code = CallingCode::of(&self.recipient.number);
            fx.receipts.push(Receipt { originator: self.from.clone(), calling_code, is_delivered });
        }
    }

    /// A text that the provider took and could not deliver is tried again where that may help and no other step
    /// follows.
    pub(super) fn delivery_failed(
        &mut self,
        class: FailureClass,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        let MessagePhase::Submitted { sid, .. } = &self.phase else { return };
        if !ctx.is_wanted || ctx.is_escalated {
            return;
        }
        if class == FailureClass::Originator {
            let sid = sid.clone();
            if self.take_another(ctx, fx) {
                self.failed_sids.push(sid);
            }
            return;
        }
        if !matches!(class, FailureClass::RetrySoon | FailureClass::RetryLater) {
            return;
        }
        if let Some(until) = self.retry_at(None, ctx) {
            self.failed_sids.push(sid.clone());
            self.wait_for_retry(until, ctx, fx);
        }
    }

    pub(super) fn polled(&mut self, answer: &PollAnswer, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let MessagePhase::Submitted { sid, status: known, .. } = &self.phase else { return };
        // A wake-up may come twice; one question is counted once.
        if self.poll_at.is_none_or(|at| ctx.now < at) {
            return;
        }
        let (sid, known) = (sid.clone(), *known);
        self.polls = self.polls.saturating_add(1);
        self.rewake_at = None;
        self.poll_at = ctx.poll.next(self.polls, ctx.now);
        match answer {
            PollAnswer::Status { status, code, class } => {
                if status.rank() > known.rank() {
                    fx.note(ctx.now, self.number, TimelineEvent::StatusAsked { status: *status });
                }
                let (status, code, class) = (*status, *code, *class);
                self.status(
                    &Report { sid: &sid, status, code, class, by: DoubtResolvedBy::Poll, evidence: "" },
                    ctx,
                    fx,
                );
            }
            PollAnswer::Unknown => {
                self.poll_at = None;
                fx.note(ctx.now, self.number, TimelineEvent::StatusUnknown);
            }
            PollAnswer::NoAnswer { .. } => {}
        }
    }

    /// Fences whatever was planned: the provider has the text.
    pub(super) fn bind(&mut self, report: &Report<'_>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        if matches!(
            self.phase,
            MessagePhase::InDoubt { .. }
                | MessagePhase::NeedsReview { .. }
                | MessagePhase::SentUnconfirmed { .. }
        ) {
            self.resolve_doubt(report.by, report.evidence, ctx, fx);
        }
        self.epoch += 1;
        self.polls = 0;
        self.poll_at = ctx.poll.first(ctx.deliver_within_s, ctx.now);
        fx.sids.push((report.sid.clone(), self.number));
        fx.note(ctx.now, self.number, TimelineEvent::Submitted { sid: report.sid.clone() });
    }

    pub(super) fn note_opt_out(&self, code: Option<u32>, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let evidence = format!("error {} for {}-{}", code.unwrap_or(0), ctx.run, self.number);
        let number = self.recipient.number.clone();
        fx.consent.push(ConsentEntry::observed(number, ConsentChange::OptOut, ctx.now, "provider", evidence));
    }
}
