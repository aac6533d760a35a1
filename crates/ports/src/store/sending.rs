//! Whether texts go out of the account. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::outbound::SendingState;

use super::values::StoreError;

/// Whether texts go out of the account, as the senders note it for each other.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait SendingStore: Send + Sync {
    /// What is noted; `None` before anything was.
    async fn sending(&self) -> Result<Option<SendingState>, StoreError>;

    /// Notes `new` where `noted` is what is noted. Returns whether `new` is noted now: not where another caller was first.
    async fn note_sending(
        &self,
        noted: Option<&SendingState>,
        new: &SendingState,
    ) -> Result<bool, StoreError>;
}
