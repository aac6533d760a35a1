//! Signs of life of processes, and what waits. A port; its contract is in the comments, and the `conformance` suite checks
//! it.

use async_trait::async_trait;
use domain::status::{Backlog, Heartbeat};
use jiff::Timestamp;

use super::values::StoreError;

/// Signs of life of processes, and what waits.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice.
#[async_trait]
pub trait StatusStore: Send + Sync {
    /// Keeps what a process reports instead of what it reported before. Reports from before `forgotten_before` go.
    async fn report(&self, heartbeat: &Heartbeat, forgotten_before: Timestamp) -> Result<(), StoreError>;

    /// Removes the report of a process that ended in order.
    async fn withdraw(&self, process: &str) -> Result<(), StoreError>;

    /// The last report of each process, by its name.
    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError>;

    /// What waits at `now`; effects of these destinations.
    async fn backlog(&self, now: Timestamp, destinations: &[String]) -> Result<Backlog, StoreError>;
}
