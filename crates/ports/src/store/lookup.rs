//! From what comes back from outside to the message it means. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::{id::MessageId, phone::E164, provider::ProviderMessageId, timeline::ReplyRoute};
use jiff::Timestamp;

use super::values::StoreError;

/// From what comes back from outside to the message it means.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait LookupStore: Send + Sync {
    /// Which message a provider's name is bound to.
    async fn message_of_sid(&self, sid: &ProviderMessageId) -> Result<Option<MessageId>, StoreError>;

    /// Binds a provider's name to a message unless it is bound, and returns which message it is bound to: of two that
    /// look alike, one gets the name.
    async fn claim_sid(&self, sid: &ProviderMessageId, message: &MessageId) -> Result<MessageId, StoreError>;

    /// Reply routes of a phone that have not expired, latest first.
    async fn reply_routes(&self, number: &E164, now: Timestamp) -> Result<Vec<ReplyRoute>, StoreError>;
}
