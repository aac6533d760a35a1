//! The retry budget of one account: an outage never becomes a storm.
//!
//! In: attempts as they are made. Out: whether another retry fits, and when to ask again.
//! Never: keeps back a first attempt.

use jiff::Timestamp;

use crate::{
    limits::{RETRIES_ALWAYS, RETRY_BUDGET_PERCENT, RETRY_BUDGET_S},
    time::after_s,
};

/// How many attempts were made in each of the last seconds.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    seconds: [Second; RETRY_BUDGET_S],
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    second: i64,
    first: u32,
    retries: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { seconds: [Second::default(); RETRY_BUDGET_S] }
    }
}

impl RetryBudget {
    /// Takes note of a first attempt.
    pub fn note_first(&mut self, now: Timestamp) {
        self.at(now).first += 1;
    }

    /// Takes note of a retry if one fits in the budget; else says when to ask again.
    ///
    /// # Errors
    /// The time at which the oldest second has passed.
    pub fn take_retry(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        if self.left(now) == 0 {
            return Err(after_s(now, 1));
        }
        self.at(now).retries += 1;
        Ok(())
    }

    /// How many more retries fit now.
    pub fn left(&self, now: Timestamp) -> u64 {
        let (first, retries) = self.sums(now);
        let most = (first * u64::from(RETRY_BUDGET_PERCENT) / 100).max(u64::from(RETRIES_ALWAYS));
        most.saturating_sub(retries)
    }

    /// First attempts and retries within the last minute.
    pub fn sums(&self, now: Timestamp) -> (u64, u64) {
        let oldest = now.as_second() - RETRY_BUDGET_S as i64;
        let recent = self.seconds.iter().filter(|second| second.second > oldest);
        recent.fold((0, 0), |(first, retries), second| {
            (first + u64::from(second.first), retries + u64::from(second.retries))
        })
    }

    fn at(&mut self, now: Timestamp) -> &mut Second {
        let second = now.as_second();
        let place = &mut self.seconds[second.rem_euclid(RETRY_BUDGET_S as i64) as usize];
        if place.second != second {
            *place = Second { second, ..Second::default() };
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn retries_stay_within_their_share_of_first_attempts() {
        let mut budget = RetryBudget::default();
        (0..1_000).for_each(|n| budget.note_first(at(n % 50)));
        let granted = (0..500).filter(|_| budget.take_retry(at(50)).is_ok()).count();
        assert_eq!((granted, budget.left(at(50))), (100, 0));
        assert_eq!(budget.take_retry(at(50)), Err(at(51)));
        assert_eq!(budget.sums(at(59)), (1_000, 100), "those of the first second are as old as they may be");
        assert_eq!(budget.sums(at(60)), (980, 100));
        // A minute later nothing of it counts any more, and a few retries are always allowed.
        let granted = (0..500).filter(|_| budget.take_retry(at(120)).is_ok()).count();
        assert_eq!(granted, RETRIES_ALWAYS as usize);
        assert_eq!(budget.sums(at(120)), (0, u64::from(RETRIES_ALWAYS)));
    }
}
