//! What happened to a run, in order, and what a transition asks its caller to do.
//!
//! In: nothing. Out: the words of every timeline, and [`Effects`], which the runtime stores and then performs.
//! Never: holds a text, a whole number or a secret.

mod sentence;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ack_code::AckCode,
    agent::Observation,
    broker_origin::BrokerOrigin,
    consent::{ConsentChange, ConsentEntry},
    content::ContentChange,
    effect::Effect,
    id::{MessageId, RunId, digest},
    originator::{OriginatorName, Receipt},
    phone::E164,
    policy::Decision,
    provider::{ProviderMessageId, ProviderStatus},
    run_phase::RunPhase,
    workflow::Lane,
};

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

/// Work for another role. A wake-up only: its consumer reads the current state from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Send this message, unless its epoch has moved on.
    Dispatch {
        /// The message.
        message: MessageId,
        /// Its epoch when the command was given.
        epoch: u32,
    },
    /// Ask the provider what became of this message.
    ResolveDoubt {
        /// The message.
        message: MessageId,
        /// Its epoch when the command was given.
        epoch: u32,
    },
    /// Ask the provider for the status of this message.
    PollStatus {
        /// The message.
        message: MessageId,
        /// Its epoch when the command was given.
        epoch: u32,
    },
    /// Look at this run's deadlines.
    LookNow {
        /// The run.
        run: RunId,
    },
}

/// How a run ended, for the outside: tickets, webhooks, watchers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The run.
    pub run: RunId,
    /// The phase in which the run ended.
    pub phase: RunPhase,
    /// When it happened, to the millisecond.
    pub at: Timestamp,
    /// The queue that gets a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// Leads a reply from a phone back to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyRoute {
    /// The phone that was texted.
    pub number: E164,
    /// The code that its text asked for.
    pub code: AckCode,
    /// The message that carried it.
    pub message: MessageId,
    /// Until when a reply is looked for.
    pub expires_at: Timestamp,
}

/// The reasons of dead letters.
pub const DEAD_REASONS: [&str; 11] = [
    "refused",
    "composition",
    "unroutable",
    "invalid_event",
    "too_large",
    "unreadable",
    "conflict",
    "effect",
    "misrouted",
    "expired",
    "poison",
];

/// What cannot proceed, kept with its reason until it is replayed or discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Names it: the message's id and epoch, or the digest of a poison event.
    pub id: String,
    /// Why, one of [`DEAD_REASONS`].
    pub reason: String,
    /// What was seen, without secrets, text or numbers.
    pub error: String,
    /// When it became a dead letter.
    pub at: Timestamp,
    /// The epoch at which the message died, if it was one; absent in letters of the first version, whose id ends in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// The message that died, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The workflow, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The event's source, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event's id within its source, if it was an event that could not be worked on and has one, valid or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Attempts made.
    #[serde(default)]
    pub attempts: u16,
    /// W3C trace context of the event's producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The event itself, if it was one that could not be worked on. Bounded by the event limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// How it came, if a producer published it to the broker itself. Absent in letters of the first versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<BrokerOrigin>>,
}

impl DeadLetter {
    /// The id of the letter of an event. The same event of another broker user is another letter, whose replay asks about
    /// that user.
    pub fn id_of_event(kind: char, event: &str, origin: Option<&BrokerOrigin>) -> String {
        let user = origin.and_then(|origin| origin.user.as_deref());
        let name = user.map_or_else(|| digest(&[event]), |user| digest(&[event, user]));
        name[..12].iter().fold(kind.to_string(), |id, byte| format!("{id}{byte:02x}"))
    }

    /// Whether it goes with a run at the latest: a message of that died.
    pub fn is_of_run(&self) -> bool {
        self.message.is_some()
    }

    /// Whether nothing tells who published the event: it was refused by a version that did not keep that.
    pub fn is_of_unknown_publisher(&self) -> bool {
        self.reason == "unreadable" && self.origin.is_none()
    }

    /// The epoch at which the message died, if it was one.
    pub fn died_at_epoch(&self) -> Option<u32> {
        // Letters of the first version name it in their id alone.
        self.epoch.or_else(|| self.id.rsplit('.').next()?.parse().ok())
    }
}

/// What a transition asks for. The runtime stores all but the commands with the new state, then publishes those.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// New lines of the timeline.
    pub timeline: Vec<Entry>,
    /// Wake-ups to publish once the state is stored. Losing one only delays: the due row repeats it.
    pub commands: Vec<Command>,
    /// Ends of runs.
    pub outcomes: Vec<Outcome>,
    /// What is to be done outside. The runtime adds it, as the destinations want it.
    pub outbound: Vec<Effect>,
    /// New dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// The ids of dead letters of the run that are put away.
    pub discarded: Vec<String>,
    /// New ways back from a reply.
    pub reply_routes: Vec<ReplyRoute>,
    /// What the provider told us of a recipient's consent.
    pub consent: Vec<ConsentEntry>,
    /// Provider names bound to messages of the run.
    pub sids: Vec<(ProviderMessageId, u16)>,
    /// What became of attempts. Losing one only makes a score less exact.
    pub receipts: Vec<Receipt>,
}

impl Effects {
    /// Adds a line about a message.
    pub fn note(&mut self, at: Timestamp, message: u16, what: TimelineEvent) {
        self.timeline.push(Entry { at, message: Some(message), what });
    }

    /// Adds a line about the run itself.
    pub fn note_run(&mut self, at: Timestamp, what: TimelineEvent) {
        self.timeline.push(Entry { at, message: None, what });
    }
}
