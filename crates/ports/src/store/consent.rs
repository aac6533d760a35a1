//! What the owner of a number agreed to, and the evidence. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::{consent::Consent, consent::ConsentEntry, phone::E164};

use super::values::StoreError;

/// What the owner of a number agreed to, and the evidence.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait ConsentStore: Send + Sync {
    /// The sum of a number's consent entries; the default for a number without any.
    async fn consent(&self, number: &E164) -> Result<Consent, StoreError>;

    /// Appends to the consent log. The same (number, change, source, evidence) again changes nothing.
    async fn record_consent(&self, entry: &ConsentEntry) -> Result<(), StoreError>;

    /// A number's consent log, in order of time.
    async fn consent_log(&self, number: &E164) -> Result<Vec<ConsentEntry>, StoreError>;
}
