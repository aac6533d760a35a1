//! When to try again. In: a policy, and what is known of the attempts so far. Out: the time of the next one, or none.
//!
//! Never: sleeps, reads a clock or draws from a global generator; the same question has the same answer everywhere.

mod exponential;

use jiff::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::time::{after_ms, after_s};

/// How a failed request is retried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// The interval after the first attempt, in milliseconds.
    pub base_ms: u32,
    /// What the interval is multiplied with at each attempt, in percent. Below 100 it stays as it is.
    pub factor_percent: u16,
    /// The longest interval, in milliseconds.
    pub cap_ms: u32,
    /// Most attempts, the first included.
    pub attempts_max: u16,
    /// How long after the first attempt the last may be made, in seconds.
    pub total_max_s: u32,
}

impl Default for RetryPolicy {
    /// One second, doubling up to a minute; five attempts within a quarter of an hour.
    fn default() -> Self {
        Self { base_ms: 1_000, factor_percent: 200, cap_ms: 60_000, attempts_max: 5, total_max_s: 15 * 60 }
    }
}

/// What is known when an attempt has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The attempt that was just made, from 1.
    pub attempt: u16,
    /// Where chance comes from: the same for all attempts of a message, different between messages.
    pub seed: u64,
    /// When the first attempt was made.
    pub first_at: Timestamp,
    /// The time.
    pub now: Timestamp,
    /// How long the other side asked us to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// When trying stops being useful.
    pub not_after: Option<Timestamp>,
}

impl RetryPolicy {
    /// When to make the next attempt, or `None` when there is to be none.
    ///
    /// Full jitter: anywhere between none and the whole of the exponential interval, so that a thousand messages
    /// that failed together do not come back together. What the other side asked for is waited for first, and the
    /// jitter comes on top of it for the same reason. Near a deadline the draw is from what time is left: a message
    /// is given up because no time is left, not because chance picked a late time.
    pub fn next(&self, q: &FailedAttempt) -> Option<Timestamp> {
        if q.attempt >= self.attempts_max {
            return None;
        }
        let give_up_at = after_s(q.first_at, self.total_max_s);
        let last_at = q.not_after.map_or(give_up_at, |not_after| not_after.min(give_up_at));
        let asked = i64::try_from(q.retry_after_ms.unwrap_or(0)).ok()?;
        let earliest = after_ms(q.now, asked);
        if q.now >= last_at || earliest > last_at {
            return None;
        }
        let room_ms = u64::try_from(last_at.duration_since(earliest).as_millis()).unwrap_or(0);
        let delay_ms = draw(q.seed, q.attempt, self.interval_ms(q.attempt).min(room_ms));
        Some(after_ms(earliest, i64::try_from(delay_ms).ok()?))
    }

    /// When to ask again after the other side said "later": throttled, a queue that is full, no connection. It has said
    /// neither yes nor no, so this uses up no attempt and has no end of its own; only deadlines end it.
    pub fn later(&self, q: &FailedAttempt) -> Timestamp {
        let asked = i64::try_from(q.retry_after_ms.unwrap_or(0)).unwrap_or(i64::MAX);
        let earliest = after_ms(q.now, asked);
        let delay_ms = draw(q.seed, q.attempt, self.interval_ms(q.attempt));
        let at = after_ms(earliest, i64::try_from(delay_ms).unwrap_or(i64::MAX));
        q.not_after.map_or(at, |not_after| at.min(not_after))
    }

    /// The interval that follows an attempt, before jitter, in milliseconds. Never above `cap_ms`.
    fn interval_ms(&self, attempt: u16) -> u64 {
        exponential::interval_ms(exponential::Curve {
            base_ms: self.base_ms,
            factor_percent: self.factor_percent,
            cap_ms: self.cap_ms,
            steps: attempt.saturating_sub(1),
        })
    }
}

/// A wait from 0 to `most_ms`, both included, that the seed and the attempt alone decide, in milliseconds.
pub(crate) fn spread(seed: u64, attempt: u16, most_ms: i64) -> i64 {
    i64::try_from(draw(seed, attempt, u64::try_from(most_ms).unwrap_or(0))).unwrap_or(0)
}

/// A number from 0 to `most`, both included, that the seed and the attempt alone decide.
fn draw(chance: u64, attempt: u16, most: u64) -> u64 {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&chance.to_le_bytes());
    seed[8..10].copy_from_slice(&attempt.to_le_bytes());
    let word = ChaCha8Rng::from_seed(seed).next_u64();
    // Scaled by hand: a range sampler may change between releases, and a recorded run must replay.
    ((u128::from(word) * (u128::from(most) + 1)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn question(attempt: u16) -> FailedAttempt {
        FailedAttempt {
            attempt,
            seed: 7,
            first_at: at(0),
            now: at(10),
            retry_after_ms: None,
            not_after: None,
        }
    }

    #[test]
    fn attempts_and_time_run_out() {
        let policy = RetryPolicy::default();
        assert!(policy.next(&question(4)).is_some());
        assert_eq!(policy.next(&question(5)), None);
        assert_eq!(policy.next(&FailedAttempt { now: at(900), ..question(1) }), None);
        assert_eq!(policy.next(&FailedAttempt { not_after: Some(at(10)), ..question(1) }), None);
    }

    #[test]
    fn what_the_other_side_asks_for_is_a_lower_bound_and_may_be_too_much() {
        let policy = RetryPolicy::default();
        let asked = |ms| FailedAttempt { retry_after_ms: Some(ms), ..question(1) };
        let next = policy.next(&asked(30_000)).unwrap();
        assert!((at(40)..=at(41)).contains(&next), "{next}");
        assert_eq!(policy.next(&asked(890_000)), Some(at(900)));
        assert_eq!(policy.next(&asked(890_001)), None);
        assert_eq!(policy.next(&asked(u64::MAX)), None);
    }

    #[test]
    fn a_near_deadline_shortens_the_wait_rather_than_ending_it() {
        let policy = RetryPolicy { base_ms: 60_000, ..RetryPolicy::default() };
        for seed in 0..50 {
            let next = policy.next(&FailedAttempt { seed, not_after: Some(at(12)), ..question(1) }).unwrap();
            assert!((at(10)..=at(12)).contains(&next));
        }
    }

    #[test]
    fn an_old_answer_is_still_the_answer() {
        let delays = [1, 2, 3, 4].map(|attempt| {
            RetryPolicy::default().next(&question(attempt)).unwrap().duration_since(at(10)).as_millis()
        });
        insta::assert_snapshot!(format!("{delays:?}"), @"[870, 1819, 898, 6464]");
    }

    proptest! {
        #[test]
        fn every_answer_is_within_every_bound(
            base_ms: u32, factor_percent: u16, cap_ms: u32, attempts_max: u16, total_max_s: u32,
            attempt: u16, seed: u64, now in -1_000i64..1_000_000, retry_after_ms: Option<u64>,
            not_after in proptest::option::of(-1_000i64..1_000_000),
        ) {
            let policy = RetryPolicy { base_ms, factor_percent, cap_ms, attempts_max, total_max_s };
            let not_after = not_after.map(at);
            let q = FailedAttempt { attempt, seed, first_at: at(0), now: at(now), retry_after_ms, not_after };
            let next = policy.next(&q);
            prop_assert_eq!(next, policy.next(&q));
            if let Some(next) = next {
                let waited = next.duration_since(q.now).as_millis() as u128;
                let asked = u128::from(retry_after_ms.unwrap_or(0));
                prop_assert!(attempt < attempts_max);
                prop_assert!(waited >= asked && waited <= asked + u128::from(cap_ms));
                prop_assert!(next.duration_since(at(0)).as_secs() <= i64::from(total_max_s));
                prop_assert!(not_after.is_none_or(|latest| next <= latest));
            }
        }

        #[test]
        fn no_moment_of_all_time_panics(first in any::<i64>(), now in any::<i64>(), after: u64) {
            let clamp = |ns: i64| Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::MAX);
            let q = FailedAttempt { first_at: clamp(first), now: clamp(now), retry_after_ms: Some(after), ..question(1) };
            RetryPolicy::default().next(&q);
            RetryPolicy::default().next(&FailedAttempt { first_at: Timestamp::MAX, now: Timestamp::MIN, ..q.clone() });
            RetryPolicy::default().next(&FailedAttempt { first_at: Timestamp::MIN, now: Timestamp::MAX, ..q });
        }
    }
}
