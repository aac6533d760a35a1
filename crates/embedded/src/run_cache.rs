//! Runs that were written lately, so that a run which changes four times in a minute is not read four times.
//!
//! In: runs that are durable, from the writer. Out: the same, without touching SQLite.
//! Never: filled by a reader, which may be late. The writer fills it in the order of its commits and the lock file makes
//! it the only writer, so an entry is behind for no longer than a commit takes to be noticed here. It does
//! not decide on a change: SQLite compares the version.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use domain::{id::RunId, run::Run};
use ports::Versioned;

use crate::{locked::locked, run_row::is_over};

/// A bounded map of runs; the first that came goes first.
pub(crate) struct RunCache {
    runs: Mutex<Runs>,
    max: usize,
}

#[derive(Default)]
struct Runs {
    by_id: HashMap<RunId, Versioned<Arc<Run>>>,
    /// In the order they came, removed ones included; no longer than `max`.
    order: VecDeque<RunId>,
}

impl RunCache {
    pub(crate) fn new(max: usize) -> Self {
        Self { runs: Mutex::new(Runs::default()), max }
    }

    pub(crate) fn get(&self, id: &RunId) -> Option<Versioned<Arc<Run>>> {
        locked(&self.runs).by_id.get(id).cloned()
    }

    /// Keeps a run that was just committed. One that is over is not asked for again soon, and goes.
    ///
    /// Returns what it replaced, to be freed outside of the writer's thread.
    pub(crate) fn keep(&self, run: Arc<Run>, version: u64) -> Option<Arc<Run>> {
        if is_over(&run) {
            return locked(&self.runs).by_id.remove(run.id()).map(|known| known.value);
        }
        let mut runs = locked(&self.runs);
        if let Some(known) = runs.by_id.get_mut(run.id()) {
            return Some(std::mem::replace(known, Versioned { value: run, version }).value);
        }
        runs.order.push_back(run.id().clone());
        runs.by_id.insert(run.id().clone(), Versioned { value: run, version });
        while runs.order.len() > self.max {
            if let Some(oldest) = runs.order.pop_front() {
                runs.by_id.remove(&oldest);
            }
        }
        None
    }

    pub(crate) fn remove(&self, id: &RunId) {
        locked(&self.runs).by_id.remove(id);
    }
}
