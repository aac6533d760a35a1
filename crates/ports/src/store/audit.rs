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
    /// The counts of the conservation audit.
    async fn audit_counts(&self) -> Result<AuditCounts, StoreError>;

    /// Since when acknowledged writes may be missing, because the store came back without them; `None` if no loss was
    /// detected, or if it is too old to affect an unfinished message.
    async fn data_loss_since(&self) -> Result<Option<Timestamp>, StoreError>;
}
