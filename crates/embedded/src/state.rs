//! What the store keeps in memory beside SQLite. In: commits. Out: answers without a read.
//!
//! Never: something that could not be rebuilt from the database.

use crate::{known::Known, paces::Paces, run_cache::RunCache, slot_marks::SlotMarks};

/// Shared by the writer's commands and the store's reads.
pub(crate) struct State {
    pub(crate) runs: RunCache,
    pub(crate) marks: SlotMarks,
    pub(crate) known_numbers: Known,
    /// Runs that are stored, or were.
    pub(crate) known_runs: Known,
    pub(crate) paces: Paces,
}
