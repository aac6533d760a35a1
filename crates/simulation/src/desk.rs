//! What the destinations of a simulated world took: a desk that keeps tickets, and a watcher that is told.
//!
//! In: what was done. Out: the same, for the world's end. Never: knows a request that comes twice: the desk takes no key, as
//! most trackers do not.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{effect::OutcomeKind, id::RunId};

/// What the destinations took.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    tickets: Mutex<Vec<RunId>>,
    told: Mutex<Vec<(OutcomeKind, String)>>,
}

impl Desk {
    /// The number of the run's ticket: of the one that is there, if it is looked for, else of a new one.
    pub(crate) fn open(&self, run: &RunId, is_looked_for: bool) -> usize {
        let mut tickets = locked(&self.tickets);
        let found = tickets.iter().position(|of| of == run).filter(|_| is_looked_for);
        let index = found.unwrap_or_else(|| {
            tickets.push(run.clone());
            tickets.len() - 1
        });
        index + 1
    }

    /// The watcher is told of an event.
    pub(crate) fn tell(&self, kind: OutcomeKind, id: &str) {
        locked(&self.told).push((kind, id.to_owned()));
    }

    /// The run of each ticket.
    pub(crate) fn tickets(&self) -> Vec<RunId> {
        locked(&self.tickets).clone()
    }

    /// What the watcher was told, by the ids of the events, each once.
    pub(crate) fn told(&self) -> Vec<OutcomeKind> {
        let mut told = locked(&self.told).clone();
        told.sort();
        told.dedup();
        told.into_iter().map(|(kind, _)| kind).collect()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
