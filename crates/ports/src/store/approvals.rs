//! What agents ask for and people decide on. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::approval::Approval;
use jiff::Timestamp;

use super::values::{StoreError, Versioned};

/// What became of an approval that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is stored.
    Stored,
    /// It is at another version: somebody stored it since.
    Changed,
    /// As many as may of its token wait already.
    Full,
}

/// What agents ask for and people decide on, changed by compare-and-set.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait ApprovalStore: Send + Sync {
    /// All that are kept, latest first.
    async fn approvals(&self) -> Result<Vec<Versioned<Approval>>, StoreError>;

    /// The approval with this id.
    async fn approval(&self, id: &str) -> Result<Option<Versioned<Approval>>, StoreError>;

    /// Those that are approved and not done, in no particular order.
    async fn approvals_to_do(&self) -> Result<Vec<Versioned<Approval>>, StoreError>;

    /// Stores an approval if it is still at `version`; 0 stands for one that is not there. One that waits is stored only
    /// while, at `now`, fewer than `pending_max` others of its token wait and have not expired. What was kept for long enough
    /// is forgotten. A caller that heard nothing and stores it again may be told that it has changed.
    async fn keep_approval(
        &self,
        approval: &Approval,
        version: u64,
        pending_max: u16,
        now: Timestamp,
    ) -> Result<Kept, StoreError>;
}
