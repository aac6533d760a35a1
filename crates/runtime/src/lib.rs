//! The one way roles change a run: load, decide in `domain`, store by compare-and-set, then wake who must look.
//!
//! In: ports, configuration and a pure transition. Out: a stored change, published commands, alarms.
//! Never: decides. What it chooses between are outcomes of the ports.

mod audience;
mod change;
mod context;
mod dead_letter;
mod run_cache;
mod workflow_registry;

pub use change::Applied;
pub use context::{Context, RoleError};
pub use run_cache::RunCache;
pub use workflow_registry::{Routes, WorkflowRegistry};
