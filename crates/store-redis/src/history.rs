//! What this process knows of the servers' replication history.
//!
//! In: what a check found. Out: the latest of it. Never: asks a server.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use domain::id::short;

use crate::info::fields;

/// The latest check, shared by all tasks.
#[derive(Default)]
pub(crate) struct Generation(Mutex<Observed>);

#[derive(Default, Clone, Copy)]
pub(crate) struct Observed {
    /// 0 until the first check succeeds.
    pub(crate) generation: u64,
    /// When the generation rose; `None` when it is the first one.
    pub(crate) since: Option<Timestamp>,
    pub(crate) checked_at: Option<Timestamp>,
}

impl Generation {
    pub(crate) fn observed(&self) -> Observed {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, observed: Observed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = observed;
    }
}

/// Names the history of all servers together: it changes when one of them fails over, joins or leaves.
pub(crate) fn history_of(infos: &[String]) -> String {
    // A managed server may hide it; then only the generation can be compared.
    let of = |info: &String| fields(info).remove("master_replid").unwrap_or_else(|| "hidden".to_owned());
    let mut histories: Vec<String> = infos.iter().map(of).collect();
    histories.sort();
    match &histories[..] {
        [only] => only.clone(),
        several => short(&several.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}
