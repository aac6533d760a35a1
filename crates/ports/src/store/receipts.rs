//! What became of the latest texts of each originator. A port; its contract is in the comments, and the `conformance` suite
//! checks it.

use async_trait::async_trait;
use domain::originator::ReceiptCount;
use jiff::Timestamp;

use super::values::StoreError;

/// What became of the latest texts of each originator, by the recipient's country.
#[async_trait]
pub trait ReceiptStore: Send + Sync {
    /// Adds receipts that came at about `now`. After an error they may have been added; repeating the call adds them again.
    /// They are kept for [`domain::limits::ORIGINATOR_WINDOW_S`] at least, and for twice as long at most once others come.
    async fn add_receipts(&self, counts: &[ReceiptCount], now: Timestamp) -> Result<(), StoreError>;

    /// The sums of what came within [`domain::limits::ORIGINATOR_WINDOW_S`] before `now`, give or take
    /// [`domain::limits::ORIGINATOR_SLICE_S`], by originator and country, in this order.
    async fn receipts(&self, now: Timestamp) -> Result<Vec<ReceiptCount>, StoreError>;
}
