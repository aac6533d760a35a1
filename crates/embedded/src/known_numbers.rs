//! Which numbers have no consent entry: almost all of them, and every event asks.
//!
//! In: numbers with entries, at the start and before each commit. Out: "certainly none" or "look it up".
//! Never: forgets a number, so it never says "none" for one that has entries.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::phone::E164;

/// Bits of the filter: 2 MiB, good for a million numbers. Beyond that it only saves fewer look-ups.
const BITS: u64 = 1 << 24;
/// Bits set for each number.
const PROBES: u64 = 4;

/// A Bloom filter over numbers.
pub(crate) struct KnownNumbers(Box<[AtomicU64]>);

impl KnownNumbers {
    pub(crate) fn new() -> Self {
        Self((0..BITS / 64).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn add(&self, number: &E164) {
        for (word, bit) in probes(number) {
            self.0[word].fetch_or(bit, Ordering::AcqRel);
        }
    }

    /// `false`: it certainly has no entries.
    pub(crate) fn may_have(&self, number: &E164) -> bool {
        probes(number).all(|(word, bit)| self.0[word].load(Ordering::Acquire) & bit != 0)
    }
}

fn probes(number: &E164) -> impl Iterator<Item = (usize, u64)> {
    // FNV-1a, then the finaliser of SplitMix64: numbers differ in few digits, and their bits must not.
    let hash = number
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let step = (mixed >> 32) | 1;
    (0..PROBES).map(move |probe| {
        let bit = mixed.wrapping_add(probe.wrapping_mul(step)) % BITS;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_added_is_always_known_and_others_rarely_are() {
        let known = KnownNumbers::new();
        let number = |n: u64| format!("+1415{n:07}").parse::<E164>().unwrap();
        (0..100_000).for_each(|n| known.add(&number(n)));
        assert!((0..100_000).all(|n| known.may_have(&number(n))));
        let mistaken = (100_000..200_000).filter(|n| known.may_have(&number(*n))).count();
        assert!(mistaken < 100, "{mistaken} of 100000");
    }
}
