//! What follows when it is unknown whether a text was sent.
//!
//! In: a reason to doubt, the provider's answers, an operator's word. Out: a name, another attempt, or a text that is held.
//! Never: another attempt before the question was put as often as it must be.

use jiff::Timestamp;

use super::{Message, MessageContext, MessagePhase, ReviewVerdict, reported::Report};
use crate::{
    doubt::DoubtAnswer,
    limits::{LISTED_AFTER_MS, LISTED_GAP_MS, LOST_ASK_MS},
    provider::{FailureClass, ProviderStatus},
    time::after_ms,
    timeline::{DoubtResolvedBy, Effects, TimelineEvent},
    workflow::OnDoubt,
};

impl Message {
    pub(super) fn doubt(&mut self, reason: &str, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let MessagePhase::Dispatching { started_at, .. } = self.phase else { return };
        self.wait(MessagePhase::InDoubt {
            started_at,
            asked: 0,
            ask_at: ctx.doubt.ask_again_at(started_at, 0),
            lost_until: None,
            absent_since: None,
        });
        fx.note(ctx.now, self.number, TimelineEvent::DoubtBegan { reason: reason.to_owned() });
    }

    pub(super) fn maybe_lost(&mut self, from: Timestamp, ctx: &MessageContext<'_>, fx: &mut Effects) {
        let started_at = from.min(ctx.now);
        let ask_at = after_ms(ctx.now, LOST_ASK_MS);
        self.wait(MessagePhase::InDoubt {
            started_at,
            asked: 0,
            ask_at,
            lost_until: Some(ctx.now),
            absent_since: None,
        });
        let reason =
            "the store came back without its latest writes, and may have lost that this was sent".to_owned();
        fx.note(ctx.now, self.number, TimelineEvent::DoubtBegan { reason });
    }

    pub(super) fn doubt_answered(
        &mut self,
        answer: &DoubtAnswer,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        let MessagePhase::InDoubt { started_at, asked, ask_at, lost_until, absent_since } = self.phase else {
            return;
        };
        let (mut absent_since, mut is_certain) = (absent_since, false);
        let evidence = match answer {
            // Earlier attempts are left out when the list is read; should one come here, it resolves nothing.
            DoubtAnswer::Found { sid, .. } if self.failed_sids.contains(sid) => {
                "what the provider has is an earlier attempt".to_owned()
            }
            DoubtAnswer::Found { sid, status, code, class, evidence } => {
                let (status, code, class, by) = (*status, *code, *class, DoubtResolvedBy::Found);
                return self.status(&Report { sid, status, code, class, by, evidence }, ctx, fx);
            }
            // A wake-up may come twice. Were both questions counted, the doubt would end before its time.
            DoubtAnswer::NotFound { .. } | DoubtAnswer::NoAnswer { .. } if ctx.now < ask_at => return,
            // If it had been sent, it was so long ago that the provider's list would show it.
            DoubtAnswer::NotFound { evidence } if lost_until.is_some() => {
                return self.not_sent(evidence, ctx, fx);
            }
            DoubtAnswer::NotFound { evidence } => {
                let first = *absent_since.get_or_insert(ctx.now);
                is_certain = self.is_absent(started_at, first, ctx);
                // Were a provider's lists wrong for ever, only this bound would end it.
                if is_certain && self.counted_attempts() < ctx.retry.attempts_max {
                    return self.not_sent(evidence, ctx, fx);
                }
                evidence.clone()
            }
            DoubtAnswer::NoAnswer { reason } => format!("the provider could not be asked: {reason}"),
        };
        let asked = asked.saturating_add(1);
        fx.note(ctx.now, self.number, TimelineEvent::DoubtAsked { asked, evidence: evidence.clone() });
        let is_listed_later = matches!(answer, DoubtAnswer::NotFound { .. }) && !self.may_resend(ctx);
        if !is_certain && (!ctx.doubt.is_given_up(asked) || is_listed_later) {
            let scheduled = ctx.doubt.ask_after_answer(started_at, asked, ctx.now);
            // Two lists that lack it are an answer, once they are late enough and far enough apart.
            let decisive = absent_since
                .map(|first| after_ms(started_at, LISTED_AFTER_MS).max(after_ms(first, LISTED_GAP_MS)));
            let ask_at = decisive.filter(|at| *at > ctx.now).map_or(scheduled, |at| scheduled.min(at));
            self.phase = MessagePhase::InDoubt { started_at, asked, ask_at, lost_until, absent_since };
            self.rewake_at = None;
        } else if !self.may_resend(ctx) {
            self.wait(MessagePhase::NeedsReview { started_at });
            self.resolve_doubt(DoubtResolvedBy::Review, &evidence, ctx, fx);
        } else {
            self.wait(MessagePhase::Queued { not_before: ctx.now });
            self.resolve_doubt(DoubtResolvedBy::Resend, &evidence, ctx, fx);
        }
    }

    /// Whether the provider's lists say for certain that it was not taken: read whole twice, far enough apart, the
    /// later one late enough after the request.
    fn is_absent(&self, started_at: Timestamp, first: Timestamp, ctx: &MessageContext<'_>) -> bool {
        ctx.now >= after_ms(started_at, LISTED_AFTER_MS) && ctx.now >= after_ms(first, LISTED_GAP_MS)
    }

    /// It was certainly not sent: it is sent while it is of use.
    fn not_sent(&mut self, evidence: &str, ctx: &MessageContext<'_>, fx: &mut Effects) {
        self.wait(MessagePhase::Queued { not_before: ctx.now });
        self.resolve_doubt(DoubtResolvedBy::Resend, evidence, ctx, fx);
        if ctx.is_wanted {
            self.tick(ctx, fx);
        }
    }

    /// Whether a text whose fate stayed unknown may be sent again. If not it is held: it may have gone out, and to
    /// call it expired or withdrawn would hide that. Without the bound on attempts a provider that takes texts and
    /// answers with errors would send one for ever.
    pub(super) fn may_resend(&self, ctx: &MessageContext<'_>) -> bool {
        let asked_for = ctx.is_wanted && ctx.now < ctx.not_after;
        ctx.on_doubt == OnDoubt::Resend && asked_for && self.counted_attempts() < ctx.retry.attempts_max
    }

    pub(super) fn resolve_doubt(
        &self,
        by: DoubtResolvedBy,
        evidence: &str,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        let what = TimelineEvent::DoubtResolved { by, evidence: evidence.to_owned() };
        fx.note(ctx.now, self.number, what);
    }

    pub(super) fn reviewed(
        &mut self,
        by: &str,
        verdict: &ReviewVerdict,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        let MessagePhase::NeedsReview { started_at, .. } = self.phase else { return };
        match verdict {
            ReviewVerdict::Sent { sid: Some(sid) } => {
                let (status, code, class) = (ProviderStatus::Queued, None, FailureClass::Informational);
                let evidence = format!("{by} found it at the provider");
                self.status(
                    &Report { sid, status, code, class, by: DoubtResolvedBy::Operator, evidence: &evidence },
                    ctx,
                    fx,
                );
            }
            ReviewVerdict::Sent { sid: None } => {
                self.resolve_doubt(
                    DoubtResolvedBy::Operator,
                    &format!("{by} says that it was sent"),
                    ctx,
                    fx,
                );
                self.wait(MessagePhase::SentUnconfirmed { started_at, by: by.to_owned() });
            }
            ReviewVerdict::NotSent => {
                self.resolve_doubt(
                    DoubtResolvedBy::Operator,
                    &format!("{by} says that it was not sent"),
                    ctx,
                    fx,
                );
                self.wait(MessagePhase::Queued { not_before: ctx.now });
                if ctx.is_wanted {
                    self.tick(ctx, fx);
                }
            }
        }
    }
}
