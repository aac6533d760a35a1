//! What is remembered of texts that belong together. A port; its contract is in the comments, and the `conformance` suite
//! checks it.

use async_trait::async_trait;
use domain::group::{Group, GroupKey};
use jiff::Timestamp;

use super::values::{StoreError, Versioned};

/// What is remembered of texts that belong together: one small document a group, changed by compare-and-set.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait GroupStore: Send + Sync {
    /// What is remembered of a group; `None` before the first text, and once it was kept for long enough.
    async fn group(&self, key: &GroupKey) -> Result<Option<Versioned<Group>>, StoreError>;

    /// Stores a group if it is still at `version`; 0 stands for one that is not there. Returns whether it is stored, which a
    /// repetition finds as well. It is kept until `kept_until`, or a while longer.
    async fn keep_group(
        &self,
        key: &GroupKey,
        group: &Group,
        version: u64,
        kept_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
