//! What passes through the store's ports. In: the domain's values. Out: changes, answers, filters, counts, errors.
//!
//! Never: a value that only one backend understands.

use std::sync::Arc;

use domain::{
    event::{ContentHash, EventKey},
    id::RunId,
    run::{Run, RunPhase},
    time::{ceil_ms, of_ms},
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

/// One timer: a shard and half a second. However many due rows fall into it, it is started once. Slots are in order of their
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "TimerDocument", into = "TimerDocument")]
pub struct TimerSlot {
    /// A multiple of [`TimerSlot::WIDTH_MS`].
    at_ms: i64,
    shard: u8,
}

impl TimerSlot {
    /// How long a slot is: what a timer may fire late, for the sake of those that it spares.
    pub const WIDTH_MS: i64 = 500;

    /// The slot of a shard, below [`domain::id::SHARDS`], that ends at a time or first after it: every due row of the slot
    /// is due when its timer fires.
    pub fn new(shard: u8, due: Timestamp) -> Self {
        Self { at_ms: rounded_up(ceil_ms(due), Self::WIDTH_MS), shard }
    }

    /// The slot of a due time of a run.
    pub fn of(run: &RunId, due: Timestamp) -> Self {
        Self::new(run.shard(), due)
    }

    /// Its shard.
    pub fn shard(self) -> u8 {
        self.shard
    }

    /// When its timer fires.
    pub fn at(self) -> Timestamp {
        of_ms(self.at_ms)
    }
}

/// The multiple of `unit` at `number` or first after it.
fn rounded_up(number: i64, unit: i64) -> i64 {
    (number.div_euclid(unit) + i64::from(number.rem_euclid(unit) > 0)) * unit
}

/// A timer as it is sent. Earlier versions know whole seconds alone.
#[derive(Serialize, Deserialize)]
struct TimerDocument {
    shard: u8,
    second: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_ms: Option<i64>,
}

impl From<TimerSlot> for TimerDocument {
    fn from(slot: TimerSlot) -> Self {
        let whole_ms = rounded_up(slot.at_ms, 1_000);
        let at_ms = (slot.at_ms != whole_ms).then_some(slot.at_ms);
        Self { shard: slot.shard, second: whole_ms / 1_000, at_ms }
    }
}

impl From<TimerDocument> for TimerSlot {
    fn from(stored: TimerDocument) -> Self {
        let at_ms = stored.at_ms.unwrap_or_else(|| stored.second.saturating_mul(1_000));
        Self { at_ms, shard: stored.shard }
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

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn a_slot_ends_at_its_due_times_or_after_them() {
        let ends_at = |due_us| TimerSlot::new(3, Timestamp::from_microsecond(due_us).unwrap()).at();
        for (due_us, ms) in [(0, 0), (1, 500), (499_999, 500), (500_000, 500), (500_001, 1_000), (-1, 0)] {
            assert_eq!(ends_at(due_us).as_millisecond(), ms, "{due_us}");
        }
    }

    /// Side by side during an upgrade.
    #[test]
    fn earlier_versions_and_this_one_read_the_timers_of_each_other() {
        let slot = |ms| TimerSlot::new(3, of_ms(ms));
        assert_eq!(to_value(slot(10_000)).unwrap(), json!({"shard": 3, "second": 10}));
        assert_eq!(to_value(slot(10_100)).unwrap(), json!({"shard": 3, "second": 11, "at_ms": 10_500}));
        assert_eq!(from_value::<TimerSlot>(json!({"shard": 3, "second": 11})).unwrap(), slot(11_000));
        for ms in [-700, 0, 10_000, 10_100] {
            let stored = to_value(slot(ms)).unwrap();
            assert_eq!(from_value::<TimerSlot>(stored).unwrap(), slot(ms));
        }
    }
}
