//! RateLimit: so many segments a second from one sender, so many texts an hour to one phone.
//!
//! In: when a queue is free, and what wants to enter it. Out: the time at which it may, or that it is full.
//! Never: refuses what it could delay: a backlog is spread over its slots once, and does not ask again.
//!
//! This is the generic cell rate algorithm (ITU-T I.371), with reservations: the theoretical arrival time moves by the
//! cost of what was let in, and what comes too early gets the time at which it may go.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::time::after;

/// How fast a queue moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// The time that one unit takes, in microseconds.
    pub interval_us: u64,
    /// Units that may go at once after a rest, at least 1.
    pub burst: u32,
    /// How far ahead a slot is given out, in seconds. Beyond it the queue is full.
    pub horizon_s: u32,
}

impl RateLimit {
    /// So many units in so long, evenly.
    pub fn new(units: u32, within: Duration, burst: u32, horizon_s: u32) -> Self {
        let interval_us = within.as_micros() / u128::from(units.max(1));
        Self { interval_us: u64::try_from(interval_us).unwrap_or(u64::MAX), burst: burst.max(1), horizon_s }
    }

    /// So many units within any hour; nothing is reserved ahead.
    pub fn hourly(units: u32) -> Self {
        // Half of them may go at once. The other half is spread so that the one after its last falls into the next hour.
        let burst = units.div_ceil(2).max(1);
        let spread = u64::from(units.saturating_sub(burst));
        Self { interval_us: HOUR_US.div_ceil(spread + 1), burst, horizon_s: 0 }
    }
}

const HOUR_US: u64 = 3_600_000_000;

/// What wants to enter which queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateRequest {
    /// Names the queue. Holds no whole number.
    pub queue: String,
    /// How fast it moves.
    pub limit: RateLimit,
    /// Units that this takes: segments of a text, or 1 for a text.
    pub cost: u32,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// It may go at this time, and that slot is taken.
    At(Timestamp),
    /// The queue is full up to its horizon; ask again at this time. Nothing is taken.
    Full(Timestamp),
}

/// The decision, and the queue's next theoretical arrival time.
///
/// `busy_until` is that of the queue so far; [`Timestamp::MIN`] for one that was never used.
pub fn acquire(
    limit: &RateLimit,
    cost: u32,
    busy_until: Timestamp,
    now: Timestamp,
) -> (Reservation, Timestamp) {
    let units = |count: u32| {
        let us = limit.interval_us.saturating_mul(u64::from(count));
        SignedDuration::from_micros(i64::try_from(us).unwrap_or(i64::MAX))
    };
    let busy_until = busy_until.max(now);
    let slot = after(busy_until, -units(limit.burst.saturating_sub(1))).max(now);
    let horizon = SignedDuration::from_secs(i64::from(limit.horizon_s));
    if slot.duration_since(now) > horizon {
        // When half of it has moved on: of all who wait only the first would find room any sooner.
        return (Reservation::Full(after(slot, -(horizon / 2))), busy_until);
    }
    (Reservation::At(slot), after(busy_until, units(cost)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    const LIMIT: RateLimit = RateLimit { interval_us: 1_000_000, burst: 5, horizon_s: 6 };

    #[test]
    fn a_backlog_is_spread_over_its_slots_once() {
        let mut busy_until = Timestamp::MIN;
        let mut waits = Vec::new();
        for _ in 0..14 {
            let (reservation, next) = acquire(&LIMIT, 1, busy_until, at(0));
            busy_until = next;
            waits.push(match reservation {
                Reservation::At(slot) => slot.duration_since(at(0)).as_secs(),
                Reservation::Full(again) => -again.duration_since(at(0)).as_secs(),
            });
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, -4, -4, -4]);
    }

    #[test]
    fn a_long_text_takes_as_many_units_as_it_has_segments() {
        let (first, busy_until) = acquire(&RateLimit { burst: 1, ..LIMIT }, 3, Timestamp::MIN, at(0));
        let (second, _) = acquire(&RateLimit { burst: 1, ..LIMIT }, 1, busy_until, at(0));
        assert_eq!((first, second), (Reservation::At(at(0)), Reservation::At(at(3))));
    }

    #[test]
    fn an_hourly_pace_lets_so_many_into_a_busy_hour_and_no_more_into_any() {
        for units in [1, 2, 3, 5, 60] {
            let limit = RateLimit::hourly(units);
            let mut busy_until = Timestamp::MIN;
            let mut slots = Vec::new();
            for second in 0..4 * 3_600 {
                let (reservation, next) = acquire(&limit, 1, busy_until, at(second));
                busy_until = next;
                slots.extend((reservation == Reservation::At(at(second))).then_some(second));
            }
            let within = |from: i64| slots.iter().filter(|slot| (from..from + 3_600).contains(*slot)).count();
            assert!(slots.iter().all(|from| within(*from) <= units as usize), "{units}: {slots:?}");
            assert_eq!(within(0), units as usize, "{units}: {slots:?}");
        }
    }

    proptest! {
        #[test]
        fn no_more_than_the_pace_and_its_burst_are_let_in(
            units in 1u32..50, burst in 1u32..10, arrivals in proptest::collection::vec(0i64..2_000, 1..80)
        ) {
            let limit = RateLimit::new(units, Duration::from_secs(1), burst, 3_600);
            let (mut busy_until, mut now, mut slots) = (Timestamp::MIN, at(0), Vec::new());
            for wait in arrivals {
                now = after(now, SignedDuration::from_millis(wait));
                let (reservation, next) = acquire(&limit, 1, busy_until, now);
                busy_until = next;
                let Reservation::At(slot) = reservation else { panic!("the horizon is far") };
                prop_assert!(slot >= now);
                slots.push(slot);
            }
            for (index, first) in slots.iter().enumerate() {
                let within = slots[index..].iter().filter(|slot| slot.duration_since(*first).as_millis() < 1_000).count();
                prop_assert!(within <= (units + burst) as usize, "{within} of {units} and {burst}");
            }
        }
    }
}
