//! What is certainly not stored: almost every number has no consent entry, almost every event opens a new run, and
//! every event asks both.
//!
//! In: the keys of what is stored, at the start and before each commit. Out: "certainly not" or "look it up".
//! Never: loses a key, so it never answers "no" for one that is stored.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of the filter: 2 MiB, good for a million keys. Beyond that it only saves fewer look-ups.
const BITS: u64 = 1 << 24;
/// Bits set for each key.
const PROBES: u64 = 4;

/// A Bloom filter over keys.
pub(crate) struct BloomFilter(Box<[AtomicU64]>);

impl BloomFilter {
    pub(crate) fn new() -> Self {
        Self((0..BITS / 64).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn add(&self, key: &str) {
        for (word, bit) in probes(key) {
            self.0[word].fetch_or(bit, Ordering::AcqRel);
        }
    }

    /// `false`: it is certainly not stored.
    pub(crate) fn may_have(&self, key: &str) -> bool {
        probes(key).all(|(word, bit)| self.0[word].load(Ordering::Acquire) & bit != 0)
    }
}

fn probes(key: &str) -> impl Iterator<Item = (usize, u64)> {
    // FNV-1a, then the finaliser of SplitMix64: keys differ in few characters, and their bits must not.
    let hash = key
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
    fn a_key_that_was_added_is_always_known_and_others_rarely_are() {
        let known = BloomFilter::new();
        let number = |n: u64| format!("+1415{n:07}");
        (0..100_000).for_each(|n| known.add(&number(n)));
        assert!((0..100_000).all(|n| known.may_have(&number(n))));
        let mistaken = (100_000..200_000).filter(|n| known.may_have(&number(*n))).count();
        assert!(mistaken < 100, "{mistaken} of 100000");
    }
}
