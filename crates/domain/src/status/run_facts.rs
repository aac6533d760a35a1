//! What the runs themselves say of how things go. In: runs. Out: texts that wait to be sent again, and runs that reached
//! nobody.
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
        let is_oldest = match is_critical {
            true => is_first(self.critical.since),
            false => self.critical.count == 0 && is_first(self.texts.since),
        };
        if is_oldest {
            self.run = Some(run.id().clone());
        }
        if is_critical {
            self.critical.count += tried.len() as u64;
            self.critical.since = [self.critical.since, Some(since)].into_iter().flatten().min();
        }
        self.texts.since = [self.texts.since, Some(since)].into_iter().flatten().min();
    }
}

/// Runs that ended lately without reaching anybody, among the latest that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreached {
    /// How many.
    pub runs: u64,
    /// How many of them are critical.
    pub critical: u64,
    /// When the latest of them ended.
    pub last_at: Option<Timestamp>,
    /// The latest of them.
    pub run: Option<RunId>,
}

impl Unreached {
    /// Takes one more run into account, if it ended at `since` or later.
    pub fn look_at(&mut self, run: &Run, since: Timestamp) {
        let Some(ended) = run.closed_at().filter(|at| run.phase() == RunPhase::Exhausted && *at >= since)
        else {
            return;
        };
        self.runs += 1;
        self.critical += u64::from(run.lane() == Lane::Critical);
        if self.last_at.is_none_or(|last| last < ended) {
            (self.last_at, self.run) = (Some(ended), Some(run.id().clone()));
        }
    }
}
