//! What happened, as it is told outside. In: nothing. Out: the types.
//!
//! Never: says more than names, ids and states: no text, no number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{id::RunId, run_phase::RunPhase};

/// What can have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OutcomeKind {
    /// An event opened a run.
    #[serde(rename = "run.opened")]
    RunOpened,
    /// A run moved on to its next step.
    #[serde(rename = "run.escalated")]
    RunEscalated,
    /// Somebody took a run on.
    #[serde(rename = "run.acknowledged")]
    RunAcknowledged,
    /// Every text of a run arrived, and nothing was to be acknowledged.
    #[serde(rename = "run.completed")]
    RunCompleted,
    /// The event of a run is over.
    #[serde(rename = "run.resolved")]
    RunResolved,
    /// Nobody was reached: the steps of a run are used up.
    #[serde(rename = "run.exhausted")]
    RunExhausted,
    /// The policy let no text of a run through.
    #[serde(rename = "run.suppressed")]
    RunSuppressed,
    /// A run grew too old before it was done.
    #[serde(rename = "run.expired")]
    RunExpired,
    /// An operator ended a run.
    #[serde(rename = "run.cancelled")]
    RunCancelled,
    /// A text did not arrive, and is not tried again.
    #[serde(rename = "message.undeliverable")]
    MessageUndeliverable,
    /// Only a person can tell whether a text went out.
    #[serde(rename = "message.needs_review")]
    MessageNeedsReview,
    /// Something cannot proceed until an operator replays it.
    #[serde(rename = "dead_letter.created")]
    DeadLetterCreated,
    /// A recipient opted out, or in again.
    #[serde(rename = "consent.changed")]
    ConsentChanged,
    /// A run wants a ticket. Not told: the ticket is opened.
    #[serde(rename = "ticket.wanted")]
    TicketWanted,
    /// A ticket was opened.
    #[serde(rename = "ticket.opened")]
    TicketOpened,
    /// A ticket could not be opened.
    #[serde(rename = "ticket.failed")]
    TicketFailed,
    /// The provider refuses the whole account: no text goes out. Of no run.
    #[serde(rename = "sending.stopped")]
    SendingStopped,
    /// The provider takes texts of the account again. Of no run.
    #[serde(rename = "sending.resumed")]
    SendingResumed,
    /// An agent asks for something that a person decides on.
    #[serde(rename = "approval.requested")]
    ApprovalRequested,
    /// A person decided on it, and what was approved was done or refused.
    #[serde(rename = "approval.decided")]
    ApprovalDecided,
}

impl OutcomeKind {
    /// What a destination may be told of.
    pub const ALL: [Self; 19] = [
        Self::RunOpened,
        Self::RunEscalated,
        Self::RunAcknowledged,
        Self::RunCompleted,
        Self::RunResolved,
        Self::RunExhausted,
        Self::RunSuppressed,
        Self::RunExpired,
        Self::RunCancelled,
        Self::MessageUndeliverable,
        Self::MessageNeedsReview,
        Self::DeadLetterCreated,
        Self::ConsentChanged,
        Self::TicketOpened,
        Self::TicketFailed,
        Self::SendingStopped,
        Self::SendingResumed,
        Self::ApprovalRequested,
        Self::ApprovalDecided,
    ];

    /// Its name, which is the `type` of the CloudEvent that tells of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunOpened => "run.opened",
            Self::RunEscalated => "run.escalated",
            Self::RunAcknowledged => "run.acknowledged",
            Self::RunCompleted => "run.completed",
            Self::RunResolved => "run.resolved",
            Self::RunExhausted => "run.exhausted",
            Self::RunSuppressed => "run.suppressed",
            Self::RunExpired => "run.expired",
            Self::RunCancelled => "run.cancelled",
            Self::MessageUndeliverable => "message.undeliverable",
            Self::MessageNeedsReview => "message.needs_review",
            Self::DeadLetterCreated => "dead_letter.created",
            Self::ConsentChanged => "consent.changed",
            Self::TicketWanted => "ticket.wanted",
            Self::TicketOpened => "ticket.opened",
            Self::TicketFailed => "ticket.failed",
            Self::SendingStopped => "sending.stopped",
            Self::SendingResumed => "sending.resumed",
            Self::ApprovalRequested => "approval.requested",
            Self::ApprovalDecided => "approval.decided",
        }
    }

    /// Whether the run's ticket is told of it.
    pub(crate) fn updates_tickets(self) -> bool {
        matches!(self, Self::RunAcknowledged | Self::RunResolved | Self::RunExhausted | Self::RunCancelled)
    }

    /// How a run ended, where nothing else tells it.
    pub(crate) fn of_phase(phase: RunPhase) -> Option<Self> {
        match phase {
            // Acknowledging has a line of its own, with its name.
            RunPhase::Active | RunPhase::Acknowledged => None,
            RunPhase::Completed => Some(Self::RunCompleted),
            RunPhase::Resolved => Some(Self::RunResolved),
            RunPhase::Exhausted => Some(Self::RunExhausted),
            RunPhase::Suppressed => Some(Self::RunSuppressed),
            RunPhase::Expired => Some(Self::RunExpired),
            RunPhase::Cancelled => Some(Self::RunCancelled),
        }
    }
}

/// What happened, as it is told outside: the `data` of a CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeEvent {
    /// Names it; the same for every destination.
    pub id: String,
    /// What happened.
    pub kind: OutcomeKind,
    /// When.
    pub at: Timestamp,
    /// To which run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// In which workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Where the run's event came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event's id within its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// What the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Where the run stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RunPhase>,
    /// Which step was under way, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u8>,
    /// Which message of the run it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<u16>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, or what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The ticket's address, or its key where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The approval's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

impl OutcomeEvent {
    /// The same without what may tell of a person: subject, event's id, who did it, why, and the ticket.
    pub fn without_person(&self) -> Self {
        Self { event_id: None, subject: None, by: None, detail: None, ticket: None, ..self.clone() }
    }
}
