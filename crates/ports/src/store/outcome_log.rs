//! The outcome events that the API streams. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::effect::OutcomeEvent;

use super::values::StoreError;

/// The latest outcome events, in one order for all of the installation.
#[async_trait]
pub trait OutcomeLog: Send + Sync {
    /// Adds an event after all others, unless one with its id is among them. Of more than `most` the oldest go.
    ///
    /// Repeatable, and durable when it returns.
    async fn log_outcome(&self, event: &OutcomeEvent, most: u32) -> Result<(), StoreError>;

    /// Up to `max` events after this position, in order, each with its position. Positions rise, with gaps.
    async fn logged_outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, OutcomeEvent)>, StoreError>;

    /// Puts an event in the place of the one with its id, at the same position; nothing where there is none.
    ///
    /// Repeatable, and durable when it returns.
    async fn replace_logged(&self, event: &OutcomeEvent) -> Result<(), StoreError>;

    /// The position of the latest event; 0 before the first.
    async fn last_logged(&self) -> Result<u64, StoreError>;
}
