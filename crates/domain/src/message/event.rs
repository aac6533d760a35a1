//! What can happen to a message, and what a transition may look at beside it. In: nothing. Out: the types.
//!
//! Never: says what follows; the transitions do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    doubt::{DoubtAnswer, DoubtSchedule},
    id::{MessageId, RunId},
    originator::OriginatorName,
    policy::Rule,
    poll::{PollAnswer, PollSchedule},
    provider::{FailureClass, ProviderMessageId, ProviderStatus, SubmitOutcome},
    retry::RetryPolicy,
    workflow::OnDoubt,
};

/// What can happen to a message.
#[derive(Debug, Clone)]
pub enum MessageEvent<'a> {
    /// A worker is about to send it, from this originator; absent where there is no choice.
    Begin(Option<&'a OriginatorName>),
    /// The policy's second look: not before this time.
    Defer(Timestamp),
    /// The policy's second look: not at all.
    Suppress(Rule),
    /// Its recipient opted out between its claim and its request, which is not made.
    Withdraw {
        /// The number of that request, from 1.
        attempt: u16,
        /// The rule that forbids it.
        rule: Rule,
    },
    /// The policy's second look, or the clock: too late.
    Expire,
    /// The store may have lost that it was sent, at this time at the earliest: ask before it is sent again.
    MaybeLost(Timestamp),
    /// The provider answered a request, or did not.
    Answered {
        /// The number of that request, from 1.
        attempt: u16,
        /// What is known after it.
        outcome: &'a SubmitOutcome,
        /// Whether the provider refuses other texts as well at this time: a refusal then says nothing about this text.
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
    /// A digest tells of it, or something became of that digest.
    Told {
        /// The message whose text it is.
        by: &'a MessageId,
        /// What became of that text.
        status: ProviderStatus,
        /// The error code of a failure.
        code: Option<u32>,
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
    /// Whether its lane is the critical one.
    pub is_critical: bool,
    /// What to do when doubt cannot be resolved.
    pub on_doubt: OnDoubt,
    /// When the provider is asked about a doubt.
    pub doubt: &'a DoubtSchedule,
    /// When the provider is asked for a missing status.
    pub poll: &'a PollSchedule,
    /// The step's delivery deadline, in seconds: a status is asked for before it passes.
    pub deliver_within_s: Option<u32>,
    /// Whether a failed delivery leads to another step or to a ticket, so that another attempt is not worth its time.
    pub is_escalated: bool,
    /// Whether another originator than those that failed with it may text its recipient.
    pub may_try_another: bool,
    /// Whether its run is under way, and in this message's step.
    pub is_wanted: bool,
    /// When its step has no time left for another request but this one; absent where the step has no deadline.
    pub last_try_at: Option<Timestamp>,
    /// When the event stops being of use.
    pub not_after: Timestamp,
    /// The present.
    pub now: Timestamp,
}
