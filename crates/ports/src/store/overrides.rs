//! Who takes over an on-call turn for a while. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::oncall::Override;
use jiff::Timestamp;

use super::values::StoreError;

/// Who takes over an on-call turn for a while.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait OverrideStore: Send + Sync {
    /// On-call overrides that end after `now`, in the order they were added.
    async fn overrides(&self, now: Timestamp) -> Result<Vec<Override>, StoreError>;

    /// Adds an on-call override.
    async fn add_override(&self, held: &Override) -> Result<(), StoreError>;

    /// Takes an override back, and keeps in its place what of it was in force. Returns whether it was there; after an error
    /// the call that took it back may say that it was not.
    async fn end_override(&self, held: &Override, kept: Option<&Override>) -> Result<bool, StoreError>;
}
