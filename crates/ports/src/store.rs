//! The truth.

use async_trait::async_trait;
use domain::{
    consent::{Consent, ConsentEntry},
    directory::Override,
    event::EventKey,
    id::{MessageId, RunId},
    phone::E164,
    provider::ProviderMessageId,
    rate_limit::{RateRequest, Reservation},
    run::{Run, RunPhase},
    timeline::{DeadLetter, Effects, Entry, Outcome, ReplyRoute},
    workflow::WorkflowDefinition,
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
    /// The run.
    pub run: Run,
    /// When it must be looked at again; `None` removes its due row.
    pub due: Option<Timestamp>,
    /// Whether an alarm must ring for it. What has none is found by the sweep, some seconds late.
    pub needs_timer: bool,
    /// What else is stored. `effects.commands` are not: they are published afterwards.
    pub effects: Effects,
}

/// What became of opening a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is stored. The alarm its due row needs, if that slot has none yet.
    New {
        /// The alarm to raise.
        timer: Option<TimerSlot>,
    },
    /// It was opened before; nothing was changed.
    Known,
    /// Its subject was resolved at or after the event's time; nothing was changed.
    AlreadyResolved {
        /// The event that resolved it.
        by: EventKey,
    },
}

/// What became of changing a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is stored. The alarm its due row needs, if that slot has none yet.
    Stored {
        /// The alarm to raise.
        timer: Option<TimerSlot>,
    },
    /// Somebody else changed it first; nothing was changed.
    Conflict,
}

/// One timer: a shard and a second. However many due rows fall into it, it is raised once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerSlot {
    /// Below [`domain::id::SHARDS`].
    pub shard: u8,
    /// Unix seconds, rounded up, so that every due row of the slot is due when it rings.
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

    /// When it rings.
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
    /// With a message whose fate an operator must settle.
    #[serde(default)]
    pub held: bool,
    /// With something to be done, to be expected, or to be settled by an operator.
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

/// What the store holds, for the conservation audit. All sums are taken at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCounts {
    /// Runs by phase.
    pub runs: std::collections::BTreeMap<String, u64>,
    /// Messages by phase, submitted ones by the provider's status.
    pub messages: std::collections::BTreeMap<String, u64>,
    /// Dead letters that were neither replayed nor discarded, by reason.
    pub dead_letters: std::collections::BTreeMap<String, u64>,
    /// Runs that are not closed, or have unsettled messages, and yet have no due row. Always zero.
    pub forgotten: u64,
    /// Events on their way into runs and dead letters.
    #[serde(default)]
    pub events: EventCounts,
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
    /// Whether nothing is lost or forgotten.
    pub fn balances(&self) -> bool {
        self.forgotten == 0 && self.events.balances()
    }
}

/// Why the store did not do it. Every method may be repeated after any of these.
#[derive(Debug, thiserror::Error)]
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

/// Holds runs, what is due, who consented, and every answer to "why". All writes are durable when they return.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores a new run with its effects and its due row in one atomic unit, unless its id is known or, for a run
    /// with a subject, [`Store::resolve`] recorded a resolution of that subject at or after `happened_at`.
    /// A run that is closed already is stored whatever was resolved.
    async fn open_run(&self, change: Change, happened_at: Timestamp) -> Result<Opened, StoreError>;

    /// The run with this id.
    async fn load_run(&self, id: &RunId) -> Result<Option<Versioned<Run>>, StoreError>;

    /// Replaces a run and its due row and adds the effects, in one atomic unit, if it is still at `version`.
    ///
    /// Reply routes and consent entries are visible before the new run is. A provider's name may be bound though the
    /// change came too late: it is true of its message whoever stores it.
    async fn change_run(&self, change: Change, version: u64) -> Result<Changed, StoreError>;

    /// Takes up to `max` runs due at `now`, earliest first, and hides them from other takers until `hidden_until`.
    /// A taken run comes back then, unless it was changed meanwhile.
    ///
    /// With a shard, that shard's runs are meant; those of others may come along.
    async fn take_due(
        &self,
        shard: Option<u8>,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError>;

    /// The earliest due time of all runs.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Records a resolution and returns the runs of its subject that are not closed, opened for events
    /// of its time or before. A resolution is kept for [`domain::limits::DEDUPE_S`]; a later one replaces an earlier one.
    async fn resolve(&self, resolution: &Resolution) -> Result<Vec<RunId>, StoreError>;

    /// Runs that match, latest opened first; at most `max`, and never more than [`domain::limits::LIST_MAX`].
    async fn list_runs(&self, filter: &RunFilter, max: u16) -> Result<Vec<Run>, StoreError>;

    /// The timeline of a run, in order; empty if there is none.
    async fn timeline(&self, id: &RunId) -> Result<Vec<Entry>, StoreError>;

    /// Which message a provider's name is bound to.
    async fn message_of_sid(&self, sid: &ProviderMessageId) -> Result<Option<MessageId>, StoreError>;

    /// Binds a provider's name to a message unless it is bound, and returns which message it is bound to: of two that
    /// look alike, one gets the name.
    async fn claim_sid(&self, sid: &ProviderMessageId, message: &MessageId) -> Result<MessageId, StoreError>;

    /// Reply routes of a phone that have not expired, latest first.
    async fn reply_routes(&self, number: &E164, now: Timestamp) -> Result<Vec<ReplyRoute>, StoreError>;

    /// The sum of a number's consent entries; the default for a number without any.
    async fn consent(&self, number: &E164) -> Result<Consent, StoreError>;

    /// Appends to the consent log. The same (number, change, source, evidence) again changes nothing.
    async fn record_consent(&self, entry: &ConsentEntry) -> Result<(), StoreError>;

    /// A number's consent log, in order of time.
    async fn consent_log(&self, number: &E164) -> Result<Vec<ConsentEntry>, StoreError>;

    /// Keeps a definition under its content hash, for as long as runs may need it.
    async fn keep_workflow(&self, hash: &str, definition: &WorkflowDefinition) -> Result<(), StoreError>;

    /// The definition with this content hash.
    async fn workflow(&self, hash: &str) -> Result<Option<WorkflowDefinition>, StoreError>;

    /// Adds a dead letter that belongs to no run. One with a known id changes nothing.
    async fn add_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError>;

    /// Dead letters that match and were neither replayed nor discarded, oldest first, at most `max`.
    async fn dead_letters(&self, filter: &DeadLetterFilter, max: u16) -> Result<Vec<DeadLetter>, StoreError>;

    /// The dead letter with this id, unless it was replayed or discarded.
    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError>;

    /// Takes a dead letter off the list. Returns whether it was on it: of two takers one gets `true`.
    async fn remove_dead_letter(&self, id: &str) -> Result<bool, StoreError>;

    /// Outcomes of runs, in the order they were stored, those after `after` in that order; at most `max`.
    async fn outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, Outcome)>, StoreError>;

    /// On-call overrides that end after `now`, in the order they were added.
    async fn overrides(&self, now: Timestamp) -> Result<Vec<Override>, StoreError>;

    /// Adds an on-call override.
    async fn add_override(&self, held: &Override) -> Result<(), StoreError>;

    /// Reserves a place in a queue that moves at a pace. See [`domain::rate_limit`].
    async fn acquire(&self, place: &RateRequest, now: Timestamp) -> Result<Reservation, StoreError>;

    /// Since when acknowledged writes may be missing, because the store came back without them; `None` if nothing
    /// speaks for it, or if it was so long ago that whatever was under way has been settled.
    async fn data_loss_since(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Forgets what may be forgotten: closed runs that ended before `before`, with all that belongs to them.
    /// Returns how many runs went; at most `max`, so that nobody waits for long.
    async fn purge(&self, before: Timestamp, max: u16) -> Result<u64, StoreError>;

    /// The sums of the conservation audit.
    async fn audit_counts(&self) -> Result<AuditCounts, StoreError>;
}
