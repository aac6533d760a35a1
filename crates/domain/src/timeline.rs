//! What happened to a run, in order.
//!
//! In: nothing. Out: the words of every timeline; beside them [`Effects`], which the runtime stores and then performs.
//! Never: holds a text, a whole number or a secret.

mod dead_letter;
mod effects;
mod sentence;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    agent::Observation,
    consent::ConsentChange,
    content::ContentChange,
    id::{MessageId, RunId},
    originator::OriginatorName,
    policy::Decision,
    provider::{ProviderMessageId, ProviderStatus},
    run_phase::RunPhase,
    workflow::Lane,
};

pub use dead_letter::{DEAD_REASONS, DeadLetter};
pub use effects::{Command, Effects, Outcome, ReplyRoute};
pub use sentence::sentence;

/// One line of a run's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened, to the millisecond.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// Which message of the run, where it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<u16>,
    /// What happened.
    #[serde(flatten)]
    pub what: TimelineEvent,
}

/// How the reason of what happened begins where a recipient handed a run on; a name follows.
pub(crate) const HANDED_OVER_BY: &str = "handed over by ";

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum TimelineEvent {
    /// The event was taken and its run opened.
    Opened {
        /// The event's type.
        event: String,
    },
    /// Its source exceeded its quota, so others go first.
    LaneLowered {
        /// The lane it waits in.
        lane: Lane,
    },
    /// A step began.
    StepStarted {
        /// Its index, from 0.
        step: u8,
        /// The round of the steps, from 0.
        #[serde(default, skip_serializing_if = "is_zero")]
        round: u8,
        /// Targets that led to no recipient, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unresolved: Vec<String>,
    },
    /// A step begins later, unless somebody acknowledges before.
    StepDelayed {
        /// Its index, from 0.
        step: u8,
        /// When it begins.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        until: Timestamp,
    },
    /// A step waits for the end of a silence.
    StepSilenced {
        /// Its index, from 0.
        step: u8,
        /// When the silence ends.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        until: Timestamp,
        /// The silence's id.
        silence: String,
        /// Why it was made.
        why: String,
    },
    /// A step that was to begin later begins now.
    DelayCut {
        /// Its index, from 0.
        step: u8,
        /// Who wants that.
        reason: String,
    },
    /// A text was not delivered to one number of its recipient, and goes to the next.
    NextNumber {
        /// The number of the message that was not delivered.
        follows: u16,
    },
    /// A policy verdict about one message.
    Decided(Decision),
    /// A text tells of further runs, whose texts waited for it.
    Digest {
        /// Those runs.
        runs: Vec<RunId>,
    },
    /// A digest told the recipient, so that no text of its own goes out.
    Told {
        /// The message whose text that digest is.
        by: MessageId,
    },
    /// Something became of the digest that told of it.
    DigestStatus {
        /// The status of its text.
        status: ProviderStatus,
        /// The error code of a failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// It waited for a digest and goes out by itself: nothing else waited, or no digest came.
    GoesAlone,
    /// A text was shortened to hold the segment limit.
    Shortened {
        /// The fields that were cut.
        fields: Vec<String>,
    },
    /// A text does not say what its template and event say.
    TextChanged {
        /// What differs, and why.
        changes: Vec<ContentChange>,
    },
    /// The intent to send was stored.
    DispatchBegan {
        /// Which attempt, from 1.
        attempt: u16,
    },
    /// The text comes from another originator than the one that is preferred for its country.
    OriginatorChosen {
        /// The one that it comes from.
        originator: OriginatorName,
        /// The one that is preferred.
        instead_of: OriginatorName,
        /// What speaks against that one.
        reason: String,
    },
    /// The provider took the text.
    Submitted {
        /// Its name there.
        sid: ProviderMessageId,
    },
    /// The provider refused the text.
    Refused {
        /// Its error code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
        /// What was seen.
        reason: String,
    },
    /// The send will be repeated.
    RetryScheduled {
        /// The earliest time of the next request.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        until: Timestamp,
    },
    /// It became unknown whether the text was sent.
    DoubtBegan {
        /// What was seen.
        reason: String,
    },
    /// The provider was asked and knows no such text.
    DoubtAsked {
        /// How many times so far.
        asked: u8,
        /// What the question brought.
        evidence: String,
    },
    /// A doubt ended. Stored as `doubt_settled`.
    #[serde(rename = "doubt_settled")]
    DoubtResolved {
        /// What ended it.
        by: DoubtResolvedBy,
        /// What it rests on.
        evidence: String,
    },
    /// The provider reported a status.
    Status {
        /// The status.
        status: ProviderStatus,
        /// The error code of a failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// The provider was asked for a status that no callback had brought.
    StatusAsked {
        /// The status it gave.
        status: ProviderStatus,
    },
    /// The provider was asked for a status, and has no such text any more.
    StatusUnknown,
    /// A final status that contradicts an earlier final one. The first is kept.
    ContradictoryStatus {
        /// The later status, which is not applied.
        status: ProviderStatus,
    },
    /// A second provider message for the same message of ours.
    SecondSid {
        /// Its name.
        sid: ProviderMessageId,
    },
    /// A permanent failure; the message is a dead letter.
    Died {
        /// The reason, in words or as a fixed name.
        reason: String,
    },
    /// A dead letter was replayed; its message waits again.
    Replayed {
        /// Who asked for it.
        by: String,
    },
    /// What was to be done at a destination was given up, and is tried again because an operator said so.
    EffectReplayed {
        /// The operator.
        by: String,
        /// At which destination.
        destination: String,
    },
    /// A dead letter was put away for good.
    Discarded {
        /// Who asked for it.
        by: String,
        /// The destination that the letter's effect was for; absent for the letter of a message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destination: Option<String>,
    },
    /// The text was withdrawn before it was sent.
    Cancelled,
    /// The run moves past a step.
    Escalated {
        /// The step that did not do, from 0.
        step: u8,
        /// The reason, in words or as a fixed name.
        reason: String,
    },
    /// A reply that acknowledges nothing: no code, or not ours to read.
    ReplyUnclear {
        /// Why it acknowledges nothing.
        reason: String,
    },
    /// A reply is answered.
    ReplyAnswered {
        /// The run of the answer, in whose timeline it is followed.
        run: RunId,
    },
    /// A recipient opted out, or in again.
    ConsentChanged {
        /// What changed.
        change: ConsentChange,
    },
    /// Those who were texted hear that the event is over.
    AllClear {
        /// The run of the text to the recipient of this message.
        run: RunId,
    },
    /// Somebody took it on.
    Acknowledged {
        /// The name of the person.
        by: String,
        /// How: `reply`, `link`, `operator`, `api`.
        via: String,
    },
    /// Somebody took it on, and the step waits for others as well.
    AcknowledgedPartly {
        /// The name of the person.
        by: String,
        /// How: `reply`, `link`.
        via: String,
        /// The names of those who are still awaited.
        awaited: Vec<String>,
    },
    /// Its acknowledgement has expired, and nothing resolved it: it pages again.
    AcknowledgementExpired {
        /// The step that begins again, from 0.
        step: u8,
    },
    /// Somebody took it on after the run was over.
    AcknowledgedLate {
        /// The name of the person.
        by: String,
    },
    /// An agent noted that it has seen it, which stops nothing.
    Observed {
        /// The label of its token.
        by: String,
        /// What it noted.
        note: Observation,
    },
    /// An agent holds the step under way: its deadline waits, once in a run.
    HeldByAgent {
        /// The label of its token.
        by: String,
        /// Until when at most.
        #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
        until: Timestamp,
    },
    /// The event is over, after the run was.
    ResolvedLate {
        /// What said so.
        reason: String,
    },
    /// Its texts and the fields of its event were removed: it ended longer ago than they are kept.
    TextsRemoved,
    /// The run ended.
    Closed {
        /// The phase in which the run ended.
        phase: RunPhase,
        /// Why, where that is not plain.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A ticket is to be opened.
    TicketWanted {
        /// In which queue.
        queue: String,
        /// What became of the message that it is about; absent where a step or the end of the steps asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Failure>,
    },
    /// A ticket was opened.
    TicketOpened {
        /// In which queue.
        queue: String,
        /// Its key there. Absent in lines of the first versions, which opened none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Where a person reads it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// A ticket could not be opened; what asked for it is a dead letter.
    TicketFailed {
        /// In which queue.
        queue: String,
        /// What was seen.
        reason: String,
    },
}

fn is_zero(count: &u8) -> bool {
    *count == 0
}

/// What can become of a text so that somebody has to look after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It did not arrive, and is not tried again.
    Undeliverable,
    /// Only a person can tell whether it went out.
    NeedsReview,
}

impl Failure {
    /// What people read of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Undeliverable => "a text did not arrive",
            Self::NeedsReview => "a text needs a review",
        }
    }
}

/// What ended a doubt about whether a text went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtResolvedBy {
    /// The provider's list has the text.
    Found,
    /// A status callback named the message.
    Callback,
    /// The answer to the request came after its claim had lapsed.
    Answer,
    /// The provider was asked for the status of what it took.
    Poll,
    /// An operator said what became of it.
    Operator,
    /// It is sent again.
    Resend,
    /// It waits for an operator. Stored as `hold`.
    #[serde(rename = "hold")]
    Review,
}

impl DoubtResolvedBy {
    /// The name in metrics, logs and timelines, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Callback => "callback",
            Self::Answer => "answer",
            Self::Poll => "poll",
            Self::Operator => "operator",
            Self::Resend => "resend",
            Self::Review => "hold",
        }
    }
}
