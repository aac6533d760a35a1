//! Proof that the claim of a request is stored.
//!
//! In: a submission, and the run as the store has it. Out: what the request needs. Never: made from a run that is not
//! stored: only [`crate::RunService`] makes one.

use std::sync::Arc;

use domain::{
    message::{Message, MessagePhase},
    provider::Submission,
    run::Run,
};
use jiff::Timestamp;
use ports::Versioned;

/// A message that is claimed in the store, with the request that its holder is to make.
#[derive(Debug, Clone)]
pub struct Claimed {
    submission: Submission,
    run: Versioned<Arc<Run>>,
    claimed_at: Timestamp,
}

impl Claimed {
    /// The claim of this submission in a run that was just stored; `None` if the run has no such claim.
    pub(crate) fn of(submission: Submission, stored: &Versioned<Arc<Run>>) -> Option<Self> {
        let message = stored.value.message(submission.message.number);
        let claimed = message.filter(|message| message.attempt() == submission.attempt)?;
        let MessagePhase::Dispatching { started_at, .. } = Message::phase(claimed) else { return None };
        Some(Self { claimed_at: *started_at, submission, run: stored.clone() })
    }

    /// The request to make.
    pub fn submission(&self) -> &Submission {
        &self.submission
    }

    /// The run as it was stored with the claim.
    pub fn run(&self) -> &Run {
        &self.run.value
    }

    /// When it was claimed; the lease counts from then.
    pub fn claimed_at(&self) -> Timestamp {
        self.claimed_at
    }

    /// The same with its version, for storing the outcome.
    pub fn into_run(self) -> Versioned<Arc<Run>> {
        self.run
    }
}
