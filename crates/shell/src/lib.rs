//! The one way roles change a run: load, decide in `domain`, store by compare-and-set, then wake who must look.
//!
//! In: ports, configuration and a pure transition. Out: a stored change, published commands, alarms.
//! Never: decides. What it chooses between are outcomes of the ports.

mod audience;
mod book;
mod change;
mod context;
mod poison;
mod recent;

pub use book::{Routes, WorkflowBook};
pub use change::Applied;
pub use context::{Context, RoleError};
pub use recent::Recent;
