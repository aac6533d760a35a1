//! What the runs themselves say of how things go. In: runs. Out: texts that wait to be sent again, and runs in a row that
//! reached nobody.
//!
//! Never: looks for a run; whoever asks chooses which are looked at.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::waiting::Waiting;
use crate::{
    id::RunId,
    message::MessagePhase,
    run::{Run, RunPhase},
    workflow::Lane,
};

/// Texts that were tried, were certainly not sent, and wait for the next attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryWaits {
    /// All of them, and since when the one that waits longest is tried. Of many runs, not all are looked at for that.
    pub texts: Waiting,
    /// Those of critical runs, among the runs that were looked at.
    pub critical: Waiting,
    /// The run of the critical one that waits longest, else of any.
    pub run: Option<RunId>,
}

impl RetryWaits {
    /// None was looked at yet, and there are so many.
    pub fn of_count(count: u64) -> Self {
        Self { texts: Waiting { count, since: None }, ..Self::default() }
    }

    /// Takes one more run into account.
    pub fn look_at(&mut self, run: &Run) {
        let waits =
            run.messages().iter().filter(|message| matches!(message.phase(), MessagePhase::RetryWait { .. }));
        let tried: Vec<Timestamp> = waits.filter_map(|message| message.first_attempt_at()).collect();
        let Some(since) = tried.iter().min().copied() else { return };
        let is_first = |known: Option<Timestamp>| known.is_none_or(|known| since < known);
        let is_critical = run.lane() == Lane::Critical;
        if if is_critical {
            is_first(self.critical.since)
        } else {
            self.critical.count == 0 && is_first(self.texts.since)
        } {
            self.run = Some(run.id().clone());
        }
        if is_critical {
            self.critical.count += tried.len() as u64;
            self.critical.since = [self.critical.since, Some(since)].into_iter().flatten().min();
        }
        self.texts.since = [self.texts.since, Some(since)].into_iter().flatten().min();
    }
}

/// The latest runs, as far as they ended one after the other without reaching anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreachedInARow {
    /// How many.
    pub runs: u64,
    /// When the latest of them ended.
    pub last_at: Option<Timestamp>,
    /// The latest of them.
    pub run: Option<RunId>,
}

impl UnreachedInARow {
    /// Takes the next older run into account. Whether one before it may still belong to them.
    pub fn look_at(&mut self, run: &Run) -> bool {
        match run.phase() {
            RunPhase::Exhausted => {
                if self.runs == 0 {
                    (self.last_at, self.run) = (run.closed_at(), Some(run.id().clone()));
                }
                self.runs += 1;
                true
            }
            // Those say nothing of it: they are under way, or were not meant to reach anybody.
            RunPhase::Suppressed | RunPhase::Expired | RunPhase::Cancelled => true,
            RunPhase::Active | RunPhase::Resolved => {
                !run.messages().iter().any(|message| message.is_delivered())
            }
            RunPhase::Acknowledged | RunPhase::Completed => false,
        }
    }
}
