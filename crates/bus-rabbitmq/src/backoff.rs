//! How long to wait before the broker is tried again. In: how often it failed, and a seed. Out: a time to wait.
//!
//! Never: gives up, waits longer than [`WAIT_MS_MAX`], or makes two processes come back at the same moment.

use domain::id::digest;
use jiff::SignedDuration;

const WAIT_MS_MIN: u64 = 100;
/// A page must not wait for long after the broker is back.
const WAIT_MS_MAX: u64 = 5_000;

/// Consecutive failures of one supervised thing.
#[derive(Debug)]
pub(crate) struct Backoff {
    seed: String,
    failures: u32,
}

impl Backoff {
    /// `seed` differs between processes and between the things in one.
    pub(crate) fn new(seed: String) -> Self {
        Self { seed, failures: 0 }
    }

    /// It works.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed again; wait so long, between half and all of a doubling time.
    pub(crate) fn next(&mut self) -> SignedDuration {
        self.failures = self.failures.saturating_add(1);
        let whole = (WAIT_MS_MIN << self.failures.min(16)).min(WAIT_MS_MAX);
        let chance = digest(&[&self.seed, &self.failures.to_string()]);
        let share = u64::from(u16::from_be_bytes([chance[0], chance[1]]));
        SignedDuration::from_millis((whole / 2 + whole / 2 * share / u64::from(u16::MAX)).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_differ_between_seeds() {
        let waits = |seed: &str| {
            let mut backoff = Backoff::new(seed.to_owned());
            (0..100).map(|_| backoff.next().as_millis()).collect::<Vec<_>>()
        };
        let (one, other) = (waits("one"), waits("other"));
        assert!(one[0] >= 100 && one[0] <= 200, "{one:?}");
        assert!(one[20..].iter().all(|wait| (2_500..=5_000).contains(wait)), "{one:?}");
        assert_ne!(one, other);
        assert_eq!(one, waits("one"));
    }
}
