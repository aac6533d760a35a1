//! Wake-ups and events in motion.

use async_trait::async_trait;
use domain::{
    broker_origin::BrokerOrigin,
    event::{Event, EventKey},
    source_quota::Quota,
    timeline::{Command, DeadLetter, Outcome},
    workflow::Lane,
};
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::TimerSlot;

/// Where work waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Events of a lane, from producers.
    Events(Lane),
    /// Dispatches and questions of doubt of a lane, from the escalation worker and replays.
    Send(Lane),
    /// Timers and "look now", for the escalation worker.
    Escalation,
}

impl Queue {
    /// All queues.
    pub const ALL: [Self; 7] = [
        Self::Events(Lane::Critical),
        Self::Events(Lane::Standard),
        Self::Events(Lane::Bulk),
        Self::Send(Lane::Critical),
        Self::Send(Lane::Standard),
        Self::Send(Lane::Bulk),
        Self::Escalation,
    ];

    /// The queue's name, for example `events.critical`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events(Lane::Critical) => "events.critical",
            Self::Events(Lane::Standard) => "events.standard",
            Self::Events(Lane::Bulk) => "events.bulk",
            Self::Send(Lane::Critical) => "send.critical",
            Self::Send(Lane::Standard) => "send.standard",
            Self::Send(Lane::Bulk) => "send.bulk",
            Self::Escalation => "escalation",
        }
    }
}

/// What a delivery carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// An event as it was published, not parsed yet: producers may publish anything.
    Event(Vec<u8>),
    /// A wake-up for one message or run.
    Command(Command),
    /// Due rows have come due.
    Timer(TimerSlot),
    /// Bytes that are none of these, and why.
    Unreadable {
        /// What came.
        body: Vec<u8>,
        /// What is wrong with it.
        reason: String,
    },
}

/// One piece of work, ours until it is answered. Dropped unanswered it comes back.
pub struct Delivery {
    /// What it carries.
    pub payload: Payload,
    /// Whether it was handed out before, to us or to another worker that may have acted on it.
    pub redelivered: bool,
    /// When it was published, where known.
    pub published_at: Option<Timestamp>,
    /// How it came, if it is a message that a producer published to the broker itself.
    pub origin: Option<Box<BrokerOrigin>>,
    /// Takes the answer.
    pub acker: Box<dyn Acker>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The payload may hold personal data.
        f.debug_struct("Delivery").field("redelivered", &self.redelivered).finish_non_exhaustive()
    }
}

/// What the bus shows to its observers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// Something became a dead letter.
    DeadLetter(Box<DeadLetter>),
    /// A run ended.
    Ended(Box<Ended>),
    /// A sender stopped, or went on.
    Sending(Sending),
}

/// Whether a sender sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// It does not: the provider does not answer, or refuses the account.
    Stopped {
        /// Whether the provider refused the whole account.
        is_account: bool,
        /// With which code.
        account_code: Option<u32>,
        /// The time of the change.
        at: Timestamp,
    },
    /// It does again.
    Resumed {
        /// The time of the change.
        at: Timestamp,
    },
}

/// The end of a run, with what names it to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The run, its last phase and its ticket.
    pub outcome: Outcome,
    /// Through which workflow.
    pub workflow: String,
    /// The event that opened it.
    pub event: EventKey,
    /// What the event was about.
    pub subject: Option<String>,
    /// W3C trace context of the event's producer.
    pub traceparent: Option<String>,
}

/// A dead letter that the broker holds.
pub struct BrokerDeadLetter {
    /// What it is.
    pub what: Dead,
    /// Takes [`Acker::ack`] after it was replayed or discarded.
    pub acker: Box<dyn Acker>,
}

/// What a dead letter of the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dead {
    /// A [`Notification::DeadLetter`] with this id.
    Notified(String),
    /// Work that the broker gave up: its delivery limit was reached, or its producer let it expire.
    GivenUp(Box<DeadLetter>),
}

/// The answer to one delivery.
#[async_trait]
pub trait Acker: Send + Sync {
    /// It is done and goes away. `false`: the answer came too late, and it will be delivered again.
    async fn ack(self: Box<Self>) -> Result<bool, BusError>;

    /// It comes back at `at` or a little later.
    async fn retry_at(self: Box<Self>, at: Timestamp) -> Result<(), BusError>;

    /// Nothing was done with it: it waits in its queue again at once, for another consumer. It does not count towards the
    /// delivery limit.
    async fn give_back(self: Box<Self>) -> Result<(), BusError>;

    /// Whether an answer still counts. `false`: it went back to its queue, and another consumer may have it.
    fn is_held(&self) -> bool;
}

/// Why the bus did not do it.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// It cannot be reached or takes nothing now; what was published may or may not have been taken.
    #[error("the bus is not available: {0}")]
    Unavailable(String),
    /// It has no room left; nothing was taken.
    #[error("the bus is full: {0}")]
    Full(String),
}

/// Moves events and wake-ups. Everything may arrive more than once; only events may not be lost.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes events, each to the lane of its type, or to the lane below when they exceed the quota of their
    /// source. Types that no lane has wait in the standard one, whose workers make them dead letters. All are durable
    /// when this returns.
    async fn publish_events(&self, events: &[Event], quota: Quota) -> Result<(), BusError>;

    /// Publishes the event of a dead letter again, in the name of the broker user who published it first: whether that
    /// user may send it is asked again. Durable when this returns.
    async fn republish_event(&self, event: &Event, origin: &BrokerOrigin) -> Result<(), BusError>;

    /// Publishes a wake-up. It may be lost later; the due row it belongs to repeats it.
    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError>;

    /// Delivers [`Payload::Timer`] to [`Queue::Escalation`] at the time of the slot, never before.
    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError>;

    /// Hands out the work of a queue, at most `prefetch` pieces unanswered at once. Several consumers share the work.
    /// The stream ends only with the bus. When it is dropped, what it had not handed out is given back, as by
    /// [`Acker::give_back`].
    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError>;

    /// Hands out one piece of work, if one waits, without a consumer. An empty answer may be out of date: ask again.
    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError>;

    /// Tells the observers of the bus. Delivery is at least once and best effort; read the store for current state.
    fn notify(&self, notification: Notification);

    /// Hands out the dead letters that the broker holds, oldest first, and those that come, at most `max` unanswered at
    /// once. The stream ends when the broker ends it. Once it and all that it handed out are dropped, what was not
    /// acknowledged returns to its place.
    async fn broker_dead_letters(&self, max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError>;

    /// How many pieces wait in a queue, handed out or not.
    async fn depth(&self, queue: Queue) -> Result<u64, BusError>;

    /// How many consume a queue, in all processes. A consumer that has just come or gone may not be counted yet. A client
    /// with an unacked [`Bus::take`] may be counted.
    async fn consumers(&self, queue: Queue) -> Result<u32, BusError>;
}
