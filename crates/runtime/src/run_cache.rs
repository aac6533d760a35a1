//! Runs as this process stored them last, so that what follows soon begins without a read.
//!
//! In: runs that were just changed. Out: the same, once. Never: the judge of a change; the store compares the version.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use domain::{id::RunId, run::Run};
use ports::Versioned;

/// Most runs that are remembered.
const RUNS_MAX: usize = 1_024;

/// A bounded memory of runs; the first that came goes first.
#[derive(Default)]
pub struct RunCache(Mutex<Runs>);

#[derive(Default)]
struct Runs {
    by_id: HashMap<RunId, Versioned<Arc<Run>>>,
    /// In the order they came, taken ones included.
    order: VecDeque<RunId>,
}

impl RunCache {
    pub(crate) fn take(&self, id: &RunId) -> Option<Versioned<Arc<Run>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_id.remove(id)
    }

    /// Keeps a run that something is still expected of.
    pub(crate) fn keep(&self, run: Versioned<Arc<Run>>) {
        if !run.value.is_unfinished() {
            return;
        }
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.order.push_back(run.value.id().clone());
        runs.by_id.insert(run.value.id().clone(), run);
        while runs.order.len() > RUNS_MAX {
            if let Some(oldest) = runs.order.pop_front() {
                runs.by_id.remove(&oldest);
            }
        }
    }
}
