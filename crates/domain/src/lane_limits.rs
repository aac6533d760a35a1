//! How many requests a sender may have open, and how many messages of a lane it may work on at once.
//!
//! In: what the account may have open, and how many senders there are. Out: numbers, each at least 1.
//! Never: leaves a lane without a permit.

use crate::workflow::Lane;

/// Equal share per sender of the requests that the account may have open, at least 1.
pub fn in_flight_share(in_flight_max: u16, senders: u32) -> u16 {
    let share = u32::from(in_flight_max) / senders.max(1);
    u16::try_from(share).unwrap_or(u16::MAX).max(1)
}

/// How many messages a sender works on at once, by lane.
#[derive(Debug, Clone)]
pub struct LaneLimits {
    critical: u16,
    /// Of the standard lane, and of the lowest, each.
    lower: u16,
    below_critical: u16,
}

impl LaneLimits {
    /// For so many requests at once. The urgent lane may have all of them and a little more, so that the provider never
    /// waits for it. A quarter of them is its own, and one at least where there are several. The standard lane leaves
    /// an eighth to the lowest, which may borrow what the standard one does not use.
    pub fn new(in_flight_max: u16) -> Self {
        let below_critical = (in_flight_max - in_flight_max.div_ceil(4)).max(1);
        let lower = below_critical.saturating_sub(in_flight_max.div_ceil(8)).max(1);
        let critical = in_flight_max.saturating_add(in_flight_max.div_ceil(2));
        Self { critical, lower, below_critical }
    }

    /// Most messages of one lane.
    pub fn of(&self, lane: Lane) -> u16 {
        match lane {
            Lane::Critical => self.critical,
            Lane::Standard | Lane::Bulk => self.lower,
        }
    }

    /// Most messages of the lanes below critical, together.
    pub fn below_critical(&self) -> u16 {
        self.below_critical
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_equal_and_never_nothing() {
        let shares = |senders| in_flight_share(80, senders);
        assert_eq!([0, 1, 2, 3, 80, 200].map(shares), [80, 80, 40, 26, 1, 1]);
    }

    #[test]
    fn a_quarter_is_kept_for_critical_and_an_eighth_for_the_lowest() {
        let limits = |in_flight_max| {
            let limits = LaneLimits::new(in_flight_max);
            (Lane::ALL.map(|lane| limits.of(lane)), limits.below_critical())
        };
        assert_eq!(limits(80), ([120, 50, 50], 60));
        assert_eq!(limits(1), ([2, 1, 1], 1));
        assert_eq!(limits(u16::MAX).0[0], u16::MAX);
    }
}
