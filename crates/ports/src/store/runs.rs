//! Runs and the definitions they were opened with. A port; its contract is in the comments, and the `conformance` suite checks it.

use std::sync::Arc;

use super::values::{
    Change, Changed, Listed, Opened, OpeningEvent, Resolution, RunFilter, StoreError, Versioned,
};
use async_trait::async_trait;
use domain::{
    event::{ContentHash, EventKey},
    id::RunId,
    run::Run,
    timeline::Entry,
    workflow::WorkflowDefinition,
};

/// Runs and the definitions they were opened with.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Stores a new run with its effects and its due row in one atomic unit, unless its id is known or, for a run
    /// with a subject, [`RunStore::resolve`] recorded a resolution of that subject at or after the event.
    /// A run that is closed already is stored whatever was resolved.
    ///
    /// The event's key is bound to what the event says, for [`domain::limits::DEDUPE_S`] at least. An event that says
    /// something else under the same key opens nothing, in whatever workflow and with whatever subject.
    async fn open_run(&self, change: Change, event: OpeningEvent) -> Result<Opened, StoreError>;

    /// What the event with this key said, if it opened a run in the last [`domain::limits::DEDUPE_S`].
    async fn content_of(&self, event: &EventKey) -> Result<Option<ContentHash>, StoreError>;

    /// The run with this id.
    async fn load_run(&self, id: &RunId) -> Result<Option<Versioned<Arc<Run>>>, StoreError>;

    /// Replaces a run and its due row, adds the effects and takes the discarded dead letters of the run off their list, in
    /// one atomic unit, if it is still at `version`.
    ///
    /// Reply routes and consent entries are visible before the new run is. A provider's name may be bound though the
    /// change came too late: it belongs to its message in any case.
    async fn change_run(&self, change: Change, version: u64) -> Result<Changed, StoreError>;

    /// Records a resolution and returns the runs of its subject that it ends, and those that are over and whose tickets
    /// hear of it ([`domain::run::RunIndex`]), opened for events before its time. A resolution is kept for [`domain::limits::DEDUPE_S`]; a later one replaces an earlier one.
    async fn resolve(&self, resolution: &Resolution) -> Result<Vec<RunId>, StoreError>;

    /// The runs of a subject through a workflow that a resolution could end, not those that are over, whatever the times of their events.
    async fn open_runs(&self, workflow: &str, subject: &str) -> Result<Vec<RunId>, StoreError>;

    /// Runs that match, latest opened first; at most `max`, and never more than [`domain::limits::LIST_MAX`].
    async fn list_runs(&self, filter: &RunFilter, max: u16) -> Result<Vec<Listed<Run>>, StoreError>;

    /// The timeline of a run, in order; empty if there is none.
    async fn timeline(&self, id: &RunId) -> Result<Vec<Entry>, StoreError>;

    /// Keeps a definition under its content hash, for as long as runs may need it.
    async fn keep_workflow(&self, hash: &str, definition: &WorkflowDefinition) -> Result<(), StoreError>;

    /// The definition with this content hash.
    async fn workflow(&self, hash: &str) -> Result<Option<WorkflowDefinition>, StoreError>;
}
