//! SourceQuotas: how many events a source may bring at its full urgency, so that a flood from one does not delay another.
//!
//! In: which source brings how many events, and when. Out: whether that is within its quota.
//! Never: refuses an event. What is beyond waits one lane lower, behind its like, and is sent as fast as there is room.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::{
    limits::{QUOTA_BURST_S, QUOTA_PER_S_DEFAULT, QUOTA_SOURCES_MAX, QUOTA_TOGETHER_MS},
    rate_limit::{RateLimit, Reservation, acquire},
    time::after_ms,
    workflow::Lane,
};

/// Whether events are within the quota of their source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// They keep the lane of their workflow.
    Within,
    /// They take the lane below.
    Exceeded,
}

impl Quota {
    /// The lane that an event of this lane takes.
    pub fn of(self, lane: Lane) -> Lane {
        match self {
            Self::Within => lane,
            Self::Exceeded => lane.below(),
        }
    }
}

/// Events a second within each source's quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaRates {
    /// Of a source that has no rate of its own.
    pub default_per_s: u32,
    /// Of the others, by name.
    pub per_s: BTreeMap<String, u32>,
}

impl Default for QuotaRates {
    fn default() -> Self {
        Self { default_per_s: QUOTA_PER_S_DEFAULT, per_s: BTreeMap::new() }
    }
}

/// What each source brought lately, to one process.
#[derive(Debug, Default)]
pub struct SourceQuotas {
    rates: QuotaRates,
    sources: HashMap<String, SourceUse>,
}

#[derive(Debug, Clone, Copy)]
struct SourceUse {
    busy_until: Timestamp,
    last_at: Timestamp,
}

impl SourceQuotas {
    /// Quotas of which nothing is used yet.
    pub fn new(rates: QuotaRates) -> Self {
        Self { rates, sources: HashMap::new() }
    }

    /// Counts so many events of a source.
    pub fn take(&mut self, source: &str, count: u32, now: Timestamp) -> Quota {
        let per_s = self.rates.per_s.get(source).copied().unwrap_or(self.rates.default_per_s).max(1);
        let second = SignedDuration::from_secs(1).unsigned_abs();
        let limit = RateLimit::new(per_s, second, per_s.saturating_mul(QUOTA_BURST_S), 0);
        if self.sources.len() >= QUOTA_SOURCES_MAX && !self.sources.contains_key(source) {
            self.sources.retain(|_, seen| seen.busy_until > now);
            if self.sources.len() >= QUOTA_SOURCES_MAX {
                return Quota::Within;
            }
        }
        let busy_until = self.sources.get(source).map_or(Timestamp::MIN, |seen| seen.busy_until);
        let (reservation, busy_until) = acquire(&limit, count, busy_until, now);
        let seen = SourceUse { busy_until, last_at: now };
        match self.sources.get_mut(source) {
            Some(known) => *known = seen,
            None => drop(self.sources.insert(source.to_owned(), seen)),
        }
        match reservation {
            Reservation::At(_) => Quota::Within,
            Reservation::Full(_) => Quota::Exceeded,
        }
    }

    /// The same where lowering has a price: a source that is alone has all of it.
    pub fn take_unless_alone(&mut self, source: &str, now: Timestamp) -> Quota {
        let quota = self.take(source, 1, now);
        let lately = after_ms(now, -QUOTA_TOGETHER_MS);
        let is_alone = self.sources.iter().all(|(name, seen)| name == source || seen.last_at < lately);
        if is_alone { Quota::Within } else { quota }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn quotas(per_s: u32) -> SourceQuotas {
        SourceQuotas::new(QuotaRates {
            default_per_s: per_s,
            per_s: BTreeMap::from([("paid".to_owned(), 1_000)]),
        })
    }

    #[test]
    fn a_burst_is_within_the_quota_and_a_flood_is_beyond_it_until_it_slackens() {
        let mut quotas = quotas(2);
        let within = (0..50).filter(|_| quotas.take("a", 1, at(0)) == Quota::Within).count();
        assert_eq!(within, 20, "ten seconds' worth at once");
        assert_eq!(quotas.take("a", 1, at(499)), Quota::Exceeded);
        assert_eq!(quotas.take("a", 1, at(500)), Quota::Within, "two a second from then on");
        assert_eq!(quotas.take("a", 1, at(501)), Quota::Exceeded);
        assert_eq!(quotas.take("a", 20, at(60_000)), Quota::Within, "after a rest the burst is there again");
    }

    #[test]
    fn one_source_takes_nothing_from_another_and_each_may_have_its_own_rate() {
        let mut quotas = quotas(1);
        assert_eq!(quotas.take("a", 500, at(0)), Quota::Within, "a batch that begins within goes as one");
        assert_eq!(quotas.take("a", 1, at(1_000)), Quota::Exceeded);
        assert_eq!(quotas.take("b", 1, at(1_000)), Quota::Within);
        assert!((0..1_000).all(|_| quotas.take("paid", 1, at(1_000)) == Quota::Within));
    }

    #[test]
    fn a_source_that_is_alone_has_all_of_it() {
        let mut quotas = quotas(1);
        assert!((0..100).all(|_| quotas.take_unless_alone("a", at(0)) == Quota::Within));
        assert_eq!(quotas.take_unless_alone("b", at(10)), Quota::Within);
        assert_eq!(quotas.take_unless_alone("a", at(20)), Quota::Exceeded, "now there is another");
        let mut flood = |ms| (0..50).map(|_| quotas.take_unless_alone("a", at(ms))).collect::<Vec<_>>();
        assert!(flood(QUOTA_TOGETHER_MS + 10).contains(&Quota::Exceeded), "it is about still");
        assert!(!flood(QUOTA_TOGETHER_MS + 11).contains(&Quota::Exceeded), "and now it is gone");
    }

    #[test]
    fn what_is_beyond_goes_one_lane_lower_and_the_lowest_stays() {
        let lanes = Lane::ALL.map(|lane| Quota::Exceeded.of(lane));
        assert_eq!(lanes, [Lane::Standard, Lane::Bulk, Lane::Bulk]);
        assert_eq!(Lane::ALL.map(|lane| Quota::Within.of(lane)), Lane::ALL);
    }

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let mut quotas = quotas(1);
        for source in 0..3 * QUOTA_SOURCES_MAX {
            quotas.take(&source.to_string(), 100, at(0));
        }
        assert_eq!(quotas.sources.len(), QUOTA_SOURCES_MAX);
        assert_eq!(quotas.take("0", 1, at(0)), Quota::Exceeded, "who is known is counted");
        assert_eq!(quotas.take("later", 1, at(50_000)), Quota::Within, "who finds no room is let through");
        assert_eq!(quotas.sources.len(), QUOTA_SOURCES_MAX, "who is busy is remembered");
        quotas.take("later", 1, at(100_000));
        assert_eq!(quotas.sources.len(), 1, "who has rested for long is forgotten");
    }
}
