//! One text to one recipient for one step, and how it may change.
//!
//! In: what the step composed. Out: where the message stands; `transition` holds how that changes.
//! Never: has a provider's name before the provider gave one.

mod doubt;
mod reported;
mod stored_phase;
mod transition;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ack_code::AckCode,
    directory::Recipient,
    doubt::{DoubtAnswer, DoubtSchedule},
    id::RunId,
    limits::SLOT_GOOD_MS,
    policy::Rule,
    poll::{PollAnswer, PollSchedule},
    provider::{FailureClass, ProviderMessageId, ProviderStatus, SubmitOutcome, Text},
    retry::RetryPolicy,
    time::after_ms,
    workflow::OnDoubt,
};

/// One text to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number within the run, from 1.
    pub number: u16,
    /// The step it belongs to, from 0.
    pub step: u8,
    /// Whom it goes to.
    pub recipient: Recipient,
    /// What it says; absent where it could not be composed. Stored as an empty text then.
    #[serde(with = "stored_text")]
    pub text: Option<Text>,
    /// How many segments that takes.
    pub segments: u8,
    /// What a reply must name to acknowledge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<AckCode>,
    /// Where it stands.
    pub phase: MessagePhase,
    /// Rises at every claim, retry, replay and cancel, and fences work given out before.
    pub epoch: u32,
    /// Requests made to the provider.
    pub attempt: u16,
    /// When the first of them was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_attempt_at: Option<Timestamp>,
    /// When a wake-up that was given is repeated, unless something happened.
    #[serde(default, rename = "nudge_at", skip_serializing_if = "Option::is_none")]
    pub rewake_at: Option<Timestamp>,
    /// When the provider is asked for a status that no callback has brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_at: Option<Timestamp>,
    /// How often it has been asked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub polls: u16,
    /// Attempts that do not count against the retry policy: the account was stopped, whatever the text was.
    #[serde(default, rename = "excused", skip_serializing_if = "is_zero")]
    pub uncounted_attempts: u16,
    /// Names of earlier attempts that the provider took and could not deliver.
    #[serde(default, rename = "spent", skip_serializing_if = "Vec::is_empty")]
    pub failed_sids: Vec<ProviderMessageId>,
    /// The sender's slot that it waits for, and has paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_at: Option<Timestamp>,
    /// The recipient's hourly quota was charged for it; it is charged once, however often it is deferred afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recipient_charged: bool,
}

/// A text that could not be composed is stored as an empty one, as the first version did.
mod stored_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::provider::Text;

    pub(super) fn serialize<S: Serializer>(text: &Option<Text>, serializer: S) -> Result<S::Ok, S::Error> {
        text.as_ref().map_or("", |text| &text.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Ok((!text.0.is_empty()).then_some(text))
    }
}

fn is_zero(count: &u16) -> bool {
    *count == 0
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "stored_phase::StoredPhase", into = "stored_phase::StoredPhase")]
pub enum MessagePhase {
    /// Waits to be sent.
    Queued {
        /// Not before this time.
        not_before: Timestamp,
    },
    /// The intent is stored; the request may be on the wire.
    Dispatching {
        /// When the claim was stored; the request follows at once.
        started_at: Timestamp,
        /// Until when the claim holds.
        lease_until: Timestamp,
    },
    /// No usable answer came: neither sent nor failed.
    InDoubt {
        /// When the request was made.
        started_at: Timestamp,
        /// How often the provider has been asked.
        asked: u8,
        /// When it is asked next.
        ask_at: Timestamp,
        /// Until when a request may have been made that nobody knows of: the store lost what it had been told.
        lost_until: Option<Timestamp>,
        /// When the provider's list was first read whole and had no such text.
        absent_since: Option<Timestamp>,
    },
    /// Certainly not sent; waits to be sent again.
    RetryWait {
        /// The earliest time of the next request.
        until: Timestamp,
    },
    /// The provider has it. A SID exists only from here on.
    Submitted {
        /// Its name there.
        sid: ProviderMessageId,
        /// Its status there.
        status: ProviderStatus,
        /// The error code of a failure.
        code: Option<u32>,
    },
    /// Whether it went out stayed unknown; an operator must find out. Stored and shown as `held`.
    NeedsReview {
        /// When the request was made.
        started_at: Timestamp,
    },
    /// An operator says that it went out, without knowing the provider's id for it.
    SentUnconfirmed {
        /// When the request was made.
        started_at: Timestamp,
        /// The operator who said so.
        by: String,
    },
    /// A rule forbids it.
    Suppressed {
        /// The rule that forbids it.
        rule: Rule,
    },
    /// A permanent failure.
    Dead {
        /// Why, in one word.
        reason: String,
        /// The provider's code, where it gave one.
        code: Option<u32>,
    },
    /// Too late to be of use.
    Expired,
    /// Withdrawn before it was sent.
    Cancelled,
}

impl MessagePhase {
    /// The phase in the words of the design; a submitted message goes by the provider's status.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Dispatching { .. } => "dispatching",
            Self::InDoubt { .. } => "in_doubt",
            Self::RetryWait { .. } => "retry_wait",
            Self::Submitted { status, .. } => match status {
                ProviderStatus::Accepted | ProviderStatus::Queued | ProviderStatus::Sending => "submitted",
                ProviderStatus::Sent => "sent",
                ProviderStatus::Delivered => "delivered",
                ProviderStatus::Undelivered => "undelivered",
                ProviderStatus::Failed => "failed",
            },
            Self::NeedsReview { .. } => "held",
            Self::SentUnconfirmed { .. } => "sent",
            Self::Suppressed { .. } => "suppressed",
            Self::Dead { .. } => "dead",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What can happen to a message.
#[derive(Debug, Clone)]
pub enum MessageEvent<'a> {
    /// A worker is about to send it.
    Begin,
    /// The policy's second look: not before this time.
    Defer(Timestamp),
    /// The policy's second look: not at all.
    Suppress(Rule),
    /// The policy's second look, or the clock: too late.
    Expire,
    /// The store may have lost that it was sent, at this time at the earliest: ask before it is sent again.
    MaybeLost(Timestamp),
    /// The worker that made attempt `attempt` heard this.
    Answered {
        /// Which attempt.
        attempt: u16,
        /// What it heard.
        outcome: &'a SubmitOutcome,
        /// Whether nobody hears anything else at the moment: a refusal then says nothing about this text.
        in_outage: bool,
    },
    /// The provider reported a status.
    Status {
        /// Its name for the message.
        sid: &'a ProviderMessageId,
        /// The status.
        status: ProviderStatus,
        /// The error code of a failure.
        code: Option<u32>,
        /// What that code asks of us.
        class: FailureClass,
    },
    /// The provider was asked what became of it.
    DoubtAnswered(&'a DoubtAnswer),
    /// The provider was asked for the status of what it took.
    Polled(&'a PollAnswer),
    /// An operator says what became of a text that needs review.
    Reviewed {
        /// The operator's name.
        by: &'a str,
        /// What the operator found out.
        verdict: &'a ReviewVerdict,
    },
    /// Time has passed.
    Tick,
    /// The run is over or has moved on.
    Cancel,
}

/// What an operator found out about a held text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum ReviewVerdict {
    /// It went out.
    Sent {
        /// The provider's name for it, if it is known; its status is then followed.
        sid: Option<ProviderMessageId>,
    },
    /// It did not.
    NotSent,
}

/// What a transition may look at besides the message.
#[derive(Debug, Clone, Copy)]
pub struct MessageContext<'a> {
    /// The run it belongs to.
    pub run: &'a RunId,
    /// The workflow's name.
    pub workflow: &'a str,
    /// The event's source.
    pub source: &'a str,
    /// W3C trace context of the event's producer.
    pub traceparent: Option<&'a str>,
    /// How refused sends are repeated.
    pub retry: &'a RetryPolicy,
    /// What to do when doubt cannot be settled.
    pub on_doubt: OnDoubt,
    /// When the provider is asked about a doubt.
    pub doubt: &'a DoubtSchedule,
    /// When the provider is asked for a missing status.
    pub poll: &'a PollSchedule,
    /// The step's delivery deadline, in seconds: a status is asked for before it passes.
    pub deliver_within_s: Option<u32>,
    /// Whether a failed delivery leads to somebody else, or to a ticket. Then nobody waits for another attempt.
    pub is_escalated: bool,
    /// Whether its run is under way, and in this message's step.
    pub is_wanted: bool,
    /// When the event stops being of use.
    pub not_after: Timestamp,
    /// The present.
    pub now: Timestamp,
}

impl Message {
    /// A message that waits for its text and for the policy.
    pub(crate) fn new(
        number: u16,
        step: u8,
        recipient: Recipient,
        ack: Option<AckCode>,
        now: Timestamp,
    ) -> Self {
        Self {
            number,
            step,
            recipient,
            text: None,
            segments: 0,
            ack,
            phase: MessagePhase::Queued { not_before: now },
            epoch: 0,
            attempt: 0,
            first_attempt_at: None,
            rewake_at: None,
            poll_at: None,
            polls: 0,
            uncounted_attempts: 0,
            failed_sids: Vec::new(),
            slot_at: None,
            recipient_charged: false,
        }
    }

    /// The provider's name for it, once bound.
    pub fn sid(&self) -> Option<&ProviderMessageId> {
        match &self.phase {
            MessagePhase::Submitted { sid, .. } => Some(sid),
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => None,
        }
    }

    /// Whether it arrived.
    pub fn is_delivered(&self) -> bool {
        matches!(self.phase, MessagePhase::Submitted { status: ProviderStatus::Delivered, .. })
    }

    /// Whether it may still arrive, or has.
    pub fn is_alive(&self) -> bool {
        match &self.phase {
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. } => true,
            MessagePhase::Submitted { status, .. } => !status.is_failure(),
            MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => false,
        }
    }

    /// Whether it waits for a worker to send it.
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, MessagePhase::Queued { .. } | MessagePhase::RetryWait { .. })
    }

    /// Whether an operator must say what became of it.
    pub fn needs_review(&self) -> bool {
        matches!(self.phase, MessagePhase::NeedsReview { .. })
    }

    /// Whether it waits to be sent again after the provider refused it.
    pub fn is_retry(&self) -> bool {
        matches!(self.phase, MessagePhase::RetryWait { .. })
    }

    /// Whether it waits for its first request, which may be made at `now`.
    pub fn is_queued_for(&self, now: Timestamp) -> bool {
        matches!(self.phase, MessagePhase::Queued { not_before } if not_before <= now)
    }

    /// When a waiting message may be sent at the earliest.
    pub(crate) fn next_phase_at(&self) -> Option<Timestamp> {
        self.phase_due().filter(|_| self.is_waiting())
    }

    /// Whether it waits for a worker to send it, and may be sent.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.is_waiting() && self.phase_due().is_some_and(|at| at <= now)
    }

    /// Whether it may go now without another slot of its sender.
    pub fn has_slot(&self, now: Timestamp) -> bool {
        self.slot_at.is_some_and(|at| at <= now && now <= after_ms(at, SLOT_GOOD_MS))
    }

    /// Attempts that count against the retry policy.
    pub fn counted_attempts(&self) -> u16 {
        self.attempt.saturating_sub(self.uncounted_attempts)
    }

    /// Whether nothing more can happen to it but a late status.
    pub fn is_final(&self) -> bool {
        match &self.phase {
            MessagePhase::Submitted { status, .. } => status.is_final() || self.poll_at.is_none(),
            MessagePhase::NeedsReview { .. } | MessagePhase::SentUnconfirmed { .. } => true,
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. } => false,
            MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => true,
        }
    }

    /// Whether its story has no end yet: something is to be done or expected, or an operator must settle it.
    pub fn is_unfinished(&self) -> bool {
        !self.is_final() || self.needs_review()
    }

    /// When it must be looked at again, whatever the run does.
    pub fn next_due(&self) -> Option<Timestamp> {
        let at = self.phase_due()?;
        match self.rewake_at {
            Some(nudge) if !matches!(self.phase, MessagePhase::Dispatching { .. }) => Some(at.max(nudge)),
            Some(_) | None => Some(at),
        }
    }

    /// When its phase asks for a look, whatever wake-ups were given since.
    fn phase_due(&self) -> Option<Timestamp> {
        match &self.phase {
            MessagePhase::Queued { not_before: at }
            | MessagePhase::RetryWait { until: at }
            | MessagePhase::InDoubt { ask_at: at, .. }
            | MessagePhase::Dispatching { lease_until: at, .. } => Some(*at),
            MessagePhase::Submitted { .. } => self.poll_at,
            MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => None,
        }
    }
}
