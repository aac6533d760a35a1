//! Which runs must be looked at, and when. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::id::RunId;
use jiff::Timestamp;

use super::values::StoreError;

/// Which runs must be looked at, and when.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait DueStore: Send + Sync {
    /// Takes up to `max` runs due at `now`, earliest first, and hides them from other takers until `hidden_until`.
    /// A taken run comes back then, unless it was changed meanwhile.
    ///
    /// With a shard, that shard's runs are meant; those of others may come along.
    async fn take_due(
        &self,
        shard: Option<u8>,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError>;

    /// The earliest due time of all runs.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;
}
