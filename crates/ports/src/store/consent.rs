//! What the owner of a number agreed to, and the evidence. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::{consent::Consent, consent::ConsentEntry, phone::E164};

use super::values::{Listed, StoreError};

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

    /// About `max` entries of all numbers, from the beginning or where an earlier page ended, in an order of the
    /// backend's own. Each that was there before the first page is in one of the pages, and may be in two.
    async fn consent_page(&self, after: Option<&str>, max: u16) -> Result<ConsentPage, StoreError>;
}

/// Some entries of all numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentPage {
    /// The entries; the id of one that cannot be read is its place.
    pub entries: Vec<Listed<ConsentEntry>>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}
