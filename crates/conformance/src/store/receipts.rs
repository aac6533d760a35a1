//! What became of texts of each originator. In: counts at known times. Out: a panic where a sum is wrong.
//!
//! Never: decides what a sum means; `domain::originator` does.

use std::sync::Arc;

use domain::{
    limits::{ORIGINATOR_SLICE_S, ORIGINATOR_WINDOW_S},
    originator::{Arrived, ReceiptCount},
};
use ports::Store;

use crate::fixture::at;

fn count(originator: &str, code: &str, delivered: u32, failed: u32) -> ReceiptCount {
    ReceiptCount {
        originator: originator.parse().unwrap(),
        calling_code: code.parse().unwrap(),
        arrived: Arrived { delivered, failed },
    }
}

/// Of several processes, and of several slices of time.
pub async fn receipts_are_summed_by_originator_and_country(store: Arc<dyn Store>) {
    assert_eq!(store.receipts(at(0)).await.unwrap(), []);
    store.add_receipts(&[count("us", "+1", 3, 0), count("us", "+49", 0, 2)], at(0)).await.unwrap();
    store.add_receipts(&[count("backup", "+49", 1, 0), count("us", "+49", 4, 1)], at(1)).await.unwrap();
    store.add_receipts(&[count("us", "+49", 1, 0)], at(ORIGINATOR_SLICE_S)).await.unwrap();
    store.add_receipts(&[], at(1)).await.unwrap();
    let sums = [count("backup", "+49", 1, 0), count("us", "+1", 3, 0), count("us", "+49", 5, 3)];
    assert_eq!(store.receipts(at(ORIGINATOR_SLICE_S)).await.unwrap(), sums);
}

/// Those that others added in the meantime are not.
pub async fn old_receipts_are_forgotten(store: Arc<dyn Store>) {
    store.add_receipts(&[count("us", "+1", 0, 7)], at(0)).await.unwrap();
    assert_eq!(store.receipts(at(ORIGINATOR_WINDOW_S)).await.unwrap(), [count("us", "+1", 0, 7)]);
    let later = at(ORIGINATOR_WINDOW_S + 2 * ORIGINATOR_SLICE_S);
    assert_eq!(store.receipts(later).await.unwrap(), []);
    store.add_receipts(&[count("us", "+1", 1, 0)], later).await.unwrap();
    assert_eq!(store.receipts(later).await.unwrap(), [count("us", "+1", 1, 0)]);
}
