//! What passes through the store's ports. In: the domain's values. Out: changes, answers, filters, counts, errors.
//!
//! Never: a value that only one backend understands.

use std::sync::Arc;

use domain::{
    event::{ContentHash, EventKey},
    id::RunId,
    run::{Run, RunPhase},
    timeline::Effects,
    workflow::Workflow,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stored value and the version it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// 1 when it is opened; rises by one with every change.
    pub version: u64,
}

impl<T> Versioned<T> {
    /// As it was opened.
    pub fn opened(value: T) -> Self {
        Self { value, version: 1 }
    }
}

/// A run as it shall be stored, with everything that belongs to the same atomic unit.
#[derive(Debug, Clone)]
pub struct Change {
    /// The run; shared with who made the change, for it is copied often enough.
    pub run: Arc<Run>,
    /// When it must be looked at again; `None` removes its due row.
    pub due: Option<Timestamp>,
    /// Whether it needs a timer. What has none is found by the sweep, some seconds late.
    pub needs_timer: bool,
    /// The [`Resolution::marker`] that ends the run if it is opened too late; absent without a subject.
    pub marker: Option<String>,
    /// What else is stored. `effects.commands` are not: they are published afterwards.
    pub effects: Effects,
}

impl Change {
    /// A run as a transition left it, with its effects.
    pub fn new(run: impl Into<Arc<Run>>, effects: Effects, workflow: &Workflow) -> Self {
        let run = run.into();
        let marker =
            run.subject().map(|subject| workflow.definition.resolution_marker(&run.event().source, subject));
        let (due, needs_timer) = (run.next_due(workflow), run.needs_timer(workflow));
        Self { run, due, needs_timer, marker, effects }
    }
}

/// What the store keeps of the event that opens a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningEvent {
    /// When it happened: what a resolution of its subject is compared with.
    pub happened_at: Timestamp,
    /// What it says: what another event under the same key is compared with.
    pub content: ContentHash,
}

/// What became of opening a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is stored. Its due row may need a timer, if that slot has none yet.
    New {
        /// The timer to start.
        timer: Option<TimerSlot>,
    },
    /// It was opened before; nothing was changed.
    Known,
    /// Another event with the same source and id, but other content, came first; nothing was changed.
    Conflict,
    /// Its subject was resolved at or after the event's time; nothing was changed.
    AlreadyResolved {
        /// The event that resolved it.
        by: EventKey,
    },
}

/// What became of changing a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is stored. Its due row may need a timer, if that slot has none yet.
    Stored {
        /// The timer to start.
        timer: Option<TimerSlot>,
    },
    /// Somebody else changed it first; nothing was changed.
    Conflict,
}

/// One timer: a shard and a second. However many due rows fall into it, it is started once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerSlot {
    /// Below [`domain::id::SHARDS`].
    pub shard: u8,
    /// Unix seconds, rounded up, so that every due row of the slot is due when its timer fires.
    pub second: i64,
}

impl TimerSlot {
    /// The slot of a due time.
    pub fn of(run: &RunId, due: Timestamp) -> Self {
        let milliseconds = due.as_millisecond();
        Self {
            shard: run.shard(),
            second: milliseconds.div_euclid(1_000) + i64::from(milliseconds.rem_euclid(1_000) > 0),
        }
    }

    /// When its timer fires.
    pub fn at(self) -> Timestamp {
        Timestamp::from_second(self.second).unwrap_or(Timestamp::MAX)
    }
}

/// The resolving event of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The workflow that names the event's type in `resolved_by`.
    pub workflow: String,
    /// What both events are about.
    pub subject: String,
    /// The name under which a run that comes late finds the resolution: its subject and, unless sources share their
    /// subjects, its source.
    #[serde(default)]
    pub marker: String,
    /// The event.
    pub by: EventKey,
    /// When it was resolved: the event's time, or when it was taken.
    pub at: Timestamp,
}

/// Which runs to list. Absent conditions match everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RunFilter {
    /// In this phase.
    pub phase: Option<RunPhase>,
    /// Through this workflow.
    pub workflow: Option<String>,
    /// From this source.
    pub source: Option<String>,
    /// With a message that needs review by an operator.
    #[serde(default, rename = "held")]
    pub needs_review: bool,
    /// With something to be done, to be expected, or to be reviewed by an operator.
    #[serde(default)]
    pub unfinished: bool,
    /// Opened before this run, in list order; for the next page.
    pub after: Option<RunId>,
}

/// Which dead letters to list. Absent conditions match everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DeadLetterFilter {
    /// With this reason.
    pub reason: Option<String>,
    /// Of this workflow.
    pub workflow: Option<String>,
    /// From this source.
    pub source: Option<String>,
    /// Dead since this time or later.
    pub since: Option<Timestamp>,
    /// Dead before this time.
    pub until: Option<Timestamp>,
}

/// What the store holds, for the conservation audit. All counts are taken at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCounts {
    /// Runs by phase.
    pub runs: std::collections::BTreeMap<String, u64>,
    /// Messages by phase, submitted ones by the provider's status.
    pub messages: std::collections::BTreeMap<String, u64>,
    /// Dead letters that were neither replayed nor discarded, by reason.
    pub dead_letters: std::collections::BTreeMap<String, u64>,
    /// Runs that are not closed, or have a message that is not final, and yet have no due row. Always zero.
    pub forgotten: u64,
    /// Events on their way into runs and dead letters.
    #[serde(default)]
    pub events: EventCounts,
    /// What is to be done outside.
    #[serde(default)]
    pub effects: EffectCounts,
}

/// What became of effects. Each is counted by itself, so that a loss shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectCounts {
    /// Stored with the change of a run, or added. One that is replayed counts again.
    pub due: u64,
    /// The destination took it.
    pub delivered: u64,
    /// Neither taken by the destination nor given up.
    pub waiting: u64,
    /// Given up, and kept as a dead letter then.
    pub dead: u64,
}

impl EffectCounts {
    /// Whether no effect is missing.
    pub fn balances(&self) -> bool {
        self.due == self.delivered + self.waiting + self.dead
    }
}

/// What became of accepted events. Each of the three is counted by itself, so that a loss shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCounts {
    /// Written down before they were answered for.
    pub accepted: u64,
    /// Ended in the store: as runs, as a resolution, as a dead letter, or known already.
    pub concluded: u64,
    /// Neither yet.
    pub pending: u64,
    /// Ended in the store without having been written down before: producers published them to the broker themselves.
    pub published_directly: u64,
}

impl EventCounts {
    /// Whether no accepted event is missing.
    pub fn balances(&self) -> bool {
        self.accepted == self.concluded + self.pending
    }
}

impl AuditCounts {
    /// Whether no accepted event and no effect is missing, and no unfinished run lacks its due row.
    pub fn balances(&self) -> bool {
        self.forgotten == 0 && self.events.balances() && self.effects.balances()
    }
}

/// Why the store did not do it. Every method may be repeated after any of these.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or is too busy; the call may or may not have been applied.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It has no room left; nothing was changed.
    #[error("the store is full: {0}")]
    Full(String),
    /// It holds something that this version does not understand; nothing was changed.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// A document that is there and cannot be read: it was damaged, or a later version wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error}")]
pub struct Unreadable {
    /// Its id.
    pub id: String,
    /// What it is and why it cannot be read: no text, no number.
    pub error: String,
}

impl Unreadable {
    /// The document of this id, and what reading it ended with.
    pub fn new(id: String, error: StoreError) -> Self {
        let error = match error {
            StoreError::Corrupt(error) | StoreError::Unavailable(error) | StoreError::Full(error) => error,
        };
        Self { id, error }
    }
}

/// One of a list: whoever lists others is not stopped by one that cannot be read.
pub type Listed<T> = Result<T, Unreadable>;

/// The readable ones of a list, and the others.
pub fn readable<T>(listed: Vec<Listed<T>>) -> (Vec<T>, Vec<Unreadable>) {
    let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
    for one in listed {
        match one {
            Ok(one) => readable.push(one),
            Err(one) => unreadable.push(one),
        }
    }
    (readable, unreadable)
}
