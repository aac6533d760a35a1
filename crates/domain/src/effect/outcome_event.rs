//! What happened, as it is told outside. In: a run and the lines that a transition wrote. Out: news, in order.
//!
//! Never: says more than names, ids and states: no text, no number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{RunId, short},
    message::Message,
    phone::without_numbers,
    run::{Run, RunPhase},
    timeline::{DoubtResolvedBy, Effects, Entry, TimelineEvent},
};

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
}

impl OutcomeKind {
    /// What a destination may be told of.
    pub const ALL: [Self; 15] = [
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
        }
    }

    /// Whether the run's ticket is told of it.
    pub(super) fn updates_tickets(self) -> bool {
        matches!(self, Self::RunAcknowledged | Self::RunResolved | Self::RunExhausted | Self::RunCancelled)
    }

    fn of_phase(phase: RunPhase) -> Option<Self> {
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
}

impl OutcomeEvent {
    /// What a transition did to a run, in the order of its timeline.
    pub(super) fn of(run: &Run, done: &Effects) -> Vec<Self> {
        let told = done.timeline.iter().filter_map(|entry| Self::of_line(run, entry));
        let letters = done.dead_letters.iter().map(|letter| Self {
            detail: Some(without_numbers(&letter.reason)),
            message: letter.message.as_ref().map(|message| message.number),
            ..Self::about(OutcomeKind::DeadLetterCreated, run, letter.at).named(&letter.id)
        });
        told.chain(letters).collect()
    }

    /// OutcomeEvent of this kind about a run.
    pub(super) fn about(kind: OutcomeKind, run: &Run, at: Timestamp) -> Self {
        // Producers put numbers where they like; what leaves shows none.
        let event = Self {
            id: String::new(),
            kind,
            at,
            run: Some(run.id().clone()),
            workflow: Some(run.workflow().to_owned()),
            source: Some(without_numbers(&run.event().source)),
            event_id: Some(without_numbers(&run.event().id)),
            subject: run.subject().map(without_numbers),
            phase: Some(run.phase()),
            step: Some(run.step()),
            message: None,
            by: None,
            detail: None,
            ticket: None,
        };
        event.named("")
    }

    /// Named by its run, its kind, its time and what else tells two of them apart.
    fn named(mut self, apart: &str) -> Self {
        let run = self.run.as_ref().map_or("", RunId::as_str);
        self.id = short(&[run, self.kind.as_str(), &self.at.as_microsecond().to_string(), apart]);
        self
    }

    fn of_line(run: &Run, entry: &Entry) -> Option<Self> {
        let about = |kind| {
            let apart = entry.message.map(|number| number.to_string()).unwrap_or_default();
            Self { message: entry.message, ..Self::about(kind, run, entry.at).named(&apart) }
        };
        let message = entry.message.and_then(|number| run.message(number));
        let is_over = message.is_some_and(Message::is_final);
        let detail = |text: &str| Some(without_numbers(text)).filter(|text| !text.is_empty());
        Some(match &entry.what {
            TimelineEvent::Opened { event } => {
                Self { detail: detail(event), ..about(OutcomeKind::RunOpened) }
            }
            TimelineEvent::Escalated { step, reason } => {
                let event = about(OutcomeKind::RunEscalated);
                Self { step: Some(*step), detail: detail(reason), ..event }
            }
            TimelineEvent::Acknowledged { by, via } => {
                Self { by: detail(by), detail: detail(via), ..about(OutcomeKind::RunAcknowledged) }
            }
            TimelineEvent::AcknowledgedLate { by } => {
                let late = Some("after the run was over".to_owned());
                Self { by: detail(by), detail: late, ..about(OutcomeKind::RunAcknowledged) }
            }
            TimelineEvent::Closed { phase, reason } => {
                Self { detail: detail(reason), ..about(OutcomeKind::of_phase(*phase)?) }
            }
            // One that is tried again may still arrive.
            TimelineEvent::Status { status, code } if status.is_failure() && is_over => {
                let name = message.map_or("failed", |message| message.phase().name());
                let said = code.map_or(name.to_owned(), |code| format!("{name}, code {code}"));
                Self { detail: Some(said), ..about(OutcomeKind::MessageUndeliverable) }
            }
            TimelineEvent::Died { reason } => {
                Self { detail: detail(reason), ..about(OutcomeKind::MessageUndeliverable) }
            }
            TimelineEvent::DoubtResolved { by: DoubtResolvedBy::Review, evidence } => {
                Self { detail: detail(evidence), ..about(OutcomeKind::MessageNeedsReview) }
            }
            TimelineEvent::ConsentChanged { change } => {
                Self { detail: Some(change.as_str().to_owned()), ..about(OutcomeKind::ConsentChanged) }
            }
            TimelineEvent::TicketOpened { queue, key, url } => {
                let ticket = url.clone().or_else(|| key.clone());
                Self { detail: detail(queue), ticket, ..about(OutcomeKind::TicketOpened) }
            }
            TimelineEvent::TicketFailed { queue, reason } => {
                Self { detail: detail(&format!("{queue}: {reason}")), ..about(OutcomeKind::TicketFailed) }
            }
            TimelineEvent::LaneLowered { .. }
            | TimelineEvent::StepStarted { .. }
            | TimelineEvent::Decided(_)
            | TimelineEvent::Shortened { .. }
            | TimelineEvent::TextChanged { .. }
            | TimelineEvent::DispatchBegan { .. }
            | TimelineEvent::Submitted { .. }
            | TimelineEvent::Refused { .. }
            | TimelineEvent::RetryScheduled { .. }
            | TimelineEvent::DoubtBegan { .. }
            | TimelineEvent::DoubtAsked { .. }
            | TimelineEvent::DoubtResolved { .. }
            | TimelineEvent::Status { .. }
            | TimelineEvent::StatusAsked { .. }
            | TimelineEvent::StatusUnknown
            | TimelineEvent::ContradictoryStatus { .. }
            | TimelineEvent::SecondSid { .. }
            | TimelineEvent::Replayed { .. }
            | TimelineEvent::Cancelled
            | TimelineEvent::ReplyUnclear { .. }
            | TimelineEvent::ReplyAnswered { .. }
            | TimelineEvent::AllClear { .. }
            | TimelineEvent::TicketWanted { .. } => return None,
        })
    }
}
