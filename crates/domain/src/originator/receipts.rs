//! What became of texts, by originator and country. In: receipts. Out: counts.
//!
//! Never: a number, or a recipient's share in a failure: a phone that does not exist says nothing about who texted it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::OriginatorName;
use crate::{
    limits::{
        ORIGINATOR_RECEIPTS_MIN, ORIGINATOR_SCORE_PERCENT_MIN, ORIGINATOR_SLICE_S, ORIGINATOR_WINDOW_S,
    },
    phone::CallingCode,
};

/// What became of one attempt that the provider took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whom it came from; absent where there was no choice.
    pub originator: Option<OriginatorName>,
    /// The recipient's country.
    pub calling_code: CallingCode,
    /// Whether it arrived.
    pub is_delivered: bool,
}

/// How many of some texts arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Texts of which a receipt says that they arrived.
    pub delivered: u32,
    /// Texts that did not.
    pub failed: u32,
}

impl Arrived {
    /// How many of a hundred arrived.
    pub fn percent(self) -> u32 {
        let all = (u64::from(self.delivered) + u64::from(self.failed)).max(1);
        (u64::from(self.delivered) * 100 / all) as u32
    }

    /// Whether so few arrived that another originator is better, if there is one. Few receipts say nothing.
    pub fn is_poor(self) -> bool {
        self.delivered.saturating_add(self.failed) >= ORIGINATOR_RECEIPTS_MIN
            && self.percent() < ORIGINATOR_SCORE_PERCENT_MIN
    }
}

/// How many of an originator's texts to a country arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptCount {
    /// The originator.
    pub originator: OriginatorName,
    /// The country.
    pub calling_code: CallingCode,
    /// How many arrived.
    #[serde(flatten)]
    pub arrived: Arrived,
}

/// The slice of time that `now` is in: when it began, in Unix seconds.
pub fn slice_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(ORIGINATOR_SLICE_S) * ORIGINATOR_SLICE_S
}

/// The slices whose receipts count at `now`, the latest first.
pub fn slices_at(now: Timestamp) -> impl Iterator<Item = i64> {
    let latest = slice_of(now);
    (0..=ORIGINATOR_WINDOW_S / ORIGINATOR_SLICE_S).map(move |back| latest - back * ORIGINATOR_SLICE_S)
}

/// Receipts of a process that the store does not have yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptTally(BTreeMap<(OriginatorName, CallingCode), Arrived>);

impl ReceiptTally {
    /// Adds one. Without an originator it is of `only`.
    pub fn add(&mut self, receipt: &Receipt, only: &OriginatorName) {
        let originator = receipt.originator.as_ref().unwrap_or(only).clone();
        let (delivered, failed) = if receipt.is_delivered { (1, 0) } else { (0, 1) };
        let arrived = Arrived { delivered, failed };
        self.add_count(&ReceiptCount { originator, calling_code: receipt.calling_code, arrived });
    }

    /// Adds several.
    pub fn add_count(&mut self, count: &ReceiptCount) {
        let sum = self.0.entry((count.originator.clone(), count.calling_code)).or_default();
        sum.delivered = sum.delivered.saturating_add(count.arrived.delivered);
        sum.failed = sum.failed.saturating_add(count.arrived.failed);
    }

    /// The sums.
    pub fn counts(&self) -> Vec<ReceiptCount> {
        let count = |((originator, calling_code), arrived): (&(OriginatorName, CallingCode), &Arrived)| {
            ReceiptCount { originator: originator.clone(), calling_code: *calling_code, arrived: *arrived }
        };
        self.0.iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slices_of_the_window_end_with_the_present_one() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(
            slices_at(at(3_599)).collect::<Vec<_>>(),
            [3_300, 3_000, 2_700, 2_400, 2_100, 1_800, 1_500]
        );
        assert_eq!((slice_of(at(3_600)), slice_of(at(-1))), (3_600, -300));
    }

    #[test]
    fn receipts_are_summed_by_originator_and_country() {
        let (only, code) = (OriginatorName::default(), "+49".parse::<CallingCode>().unwrap());
        let mut tally = ReceiptTally::default();
        for is_delivered in [true, true, false] {
            tally.add(&Receipt { originator: None, calling_code: code, is_delivered }, &only);
        }
        let other: OriginatorName = "b".parse().unwrap();
        tally.add(&Receipt { originator: Some(other), calling_code: code, is_delivered: true }, &only);
        let sums: Vec<_> =
            tally.counts().into_iter().map(|count| (count.originator.to_string(), count.arrived)).collect();
        let arrived = |delivered, failed| Arrived { delivered, failed };
        assert_eq!(sums, [("b".to_owned(), arrived(1, 0)), ("default".to_owned(), arrived(2, 1))]);
    }

    #[test]
    fn few_receipts_say_nothing_and_most_must_arrive() {
        let poor = |delivered, failed| Arrived { delivered, failed }.is_poor();
        assert!(!poor(0, ORIGINATOR_RECEIPTS_MIN - 1));
        assert!(poor(0, ORIGINATOR_RECEIPTS_MIN));
        assert!(poor(69, 31) && !poor(70, 30));
        assert!(!Arrived { delivered: u32::MAX, failed: u32::MAX / 4 }.is_poor());
    }
}
