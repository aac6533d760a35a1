//! What follows an answer of a destination. In: an effect, the answer, the time. Out: what to store.
//!
//! Never: gives up an effect before its time because its destination is busy.

use jiff::Timestamp;

use super::{Effect, Ticket};
use crate::{
    id::digest,
    retry::{FailedAttempt, RetryPolicy},
    time::after_s,
};

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectAnswer {
    /// It is done; with the ticket that was opened or found.
    Done(Option<Ticket>),
    /// There was nothing to do, and nothing was requested.
    Needless,
    /// The destination is too busy or says when it will take it. That counts as no attempt.
    Later {
        /// How long it asks us to wait, in milliseconds.
        retry_after_ms: Option<u64>,
        /// What was seen.
        reason: String,
    },
    /// It was not done, and may work later.
    Failed {
        /// What was seen.
        reason: String,
        /// No answer came: it may have been done.
        is_in_doubt: bool,
    },
    /// It was taken, and nothing was made of it.
    Ignored,
    /// The destination does not take our credentials, whatever is asked for. They may be right later.
    Denied {
        /// What was seen.
        reason: String,
    },
    /// It was not done, because the ticket that it is about is not there. That says nothing of the destination.
    Gone {
        /// What was seen.
        reason: String,
    },
    /// It was not done, and will not be as it is.
    Refused {
        /// What was seen.
        reason: String,
    },
}

/// What to store after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectNext {
    /// It is done.
    Delivered(Option<Ticket>),
    /// It is tried again, as it is now, at this time.
    Again(Box<Effect>, Timestamp),
    /// It is given up, because of this.
    Dead(String),
}

/// How failed requests are repeated: from one second to ten minutes apart, until the effect is given up.
fn policy(give_up_after_s: u32) -> RetryPolicy {
    RetryPolicy {
        base_ms: 1_000,
        factor_percent: 200,
        cap_ms: 600_000,
        attempts_max: u16::MAX,
        total_max_s: give_up_after_s,
    }
}

impl Effect {
    /// What follows an answer, for a destination whose effects are given up so many seconds after what they tell of.
    pub fn follow(&self, answer: EffectAnswer, give_up_after_s: u32, now: Timestamp) -> EffectNext {
        let seed = digest(&[&self.id]);
        let failed = |attempt, retry_after_ms| FailedAttempt {
            attempt,
            seed: u64::from_be_bytes([
                seed[0], seed[1], seed[2], seed[3], seed[4], seed[5], seed[6], seed[7],
            ]),
            first_at: self.since,
            now,
            retry_after_ms,
            not_after: None,
        };
        let policy = policy(give_up_after_s);
        let again = |reason: String, is_in_doubt| {
            let attempts = self.attempts.saturating_add(1);
            match policy.next(&failed(attempts, None)) {
                Some(at) => {
                    let is_in_doubt = self.is_in_doubt || is_in_doubt;
                    let last_failure = Some(reason);
                    let tried = Self { attempts, is_in_doubt, last_failure, ..self.clone() };
                    EffectNext::Again(Box::new(tried), at)
                }
                None => EffectNext::Dead(format!("given up after {attempts} attempts: {reason}")),
            }
        };
        match answer {
            EffectAnswer::Done(ticket) => EffectNext::Delivered(ticket),
            EffectAnswer::Needless | EffectAnswer::Ignored => EffectNext::Delivered(None),
            EffectAnswer::Refused { reason } => EffectNext::Dead(reason),
            EffectAnswer::Later { retry_after_ms, reason } => {
                let at = policy.later(&failed(self.attempts.max(1), retry_after_ms));
                if at >= after_s(self.since, give_up_after_s) {
                    EffectNext::Dead(format!("given up after {give_up_after_s} s: {reason}"))
                } else {
                    EffectNext::Again(Box::new(Self { last_failure: Some(reason), ..self.clone() }), at)
                }
            }
            EffectAnswer::Failed { reason, is_in_doubt } => again(reason, is_in_doubt),
            EffectAnswer::Gone { reason } | EffectAnswer::Denied { reason } => again(reason, false),
        }
    }
}
