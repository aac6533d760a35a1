//! What roles share: the one way to take events, the one way to change a run, the registry of workflows, dead letters
//! of deliveries.
//!
//! In: ports, configuration and pure transitions. Out: stored changes, published commands, timers.
//! Never: decides. What it chooses between are outcomes of the ports.

mod acceptance;
mod calendar_reading;
mod claimed;
mod dead_letter;
mod error;
mod ledger_batcher;
mod originator_scores;
mod outbox;
mod recent_events;
mod run_cache;
mod run_service;
mod workflow_registry;

pub use acceptance::Acceptance;
pub use calendar_reading::CalendarReading;
pub use claimed::Claimed;
pub use dead_letter::{DeadLetters, Undeliverable};
pub use error::RoleError;
pub use outbox::{Outbox, Sweep};
pub use run_cache::RunCache;
pub use run_service::{
    Applied, Meant, OpenedRun, Precedent, RunPorts, RunService, StepHook, meant, meant_between,
};
pub use workflow_registry::{Routes, WorkflowRegistry};
