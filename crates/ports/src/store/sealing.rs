//! Encryption of what is stored. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;

use super::values::StoreError;

/// Encryption of what is stored.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait SealingStore: Send + Sync {
    /// Encrypts some of what was stored before there was a key, about `max` documents. Returns how many; 0 once nothing
    /// is left, and where no key is configured. Meanwhile everything is found and read as before.
    async fn seal_stored(&self, max: u16) -> Result<u64, StoreError>;
}
