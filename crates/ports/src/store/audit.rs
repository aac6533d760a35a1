//! What an auditor counts, and what a restart may have lost. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use jiff::Timestamp;

use super::values::{AuditCounts, StoreError};

/// What an auditor counts, and what a restart may have lost.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// The sums of the conservation audit.
    async fn audit_counts(&self) -> Result<AuditCounts, StoreError>;

    /// Since when acknowledged writes may be missing, because the store came back without them; `None` if nothing
    /// speaks for it, or if it was so long ago that whatever was under way has been settled.
    async fn data_loss_since(&self) -> Result<Option<Timestamp>, StoreError>;
}
