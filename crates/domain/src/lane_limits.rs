//! How many requests a sender may have open, and how many messages of a lane it may work on at once.
//!
//! In: what the account may have open, how many senders there are, what each lane has in hand. Out: numbers, each at least 1;
//! whether a lane may take more.
//! Never: leaves a lane without a permit, or critical work without a place of its own.

use crate::workflow::Lane;

/// Equal share per sender of the requests that the account may have open, at least 1.
pub fn in_flight_share(in_flight_max: u16, senders: u32) -> u16 {
    let share = u32::from(in_flight_max) / senders.max(1);
    u16::try_from(share).unwrap_or(u16::MAX).max(1)
}

/// What the lanes of a sender do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneLoad {
    /// Messages in hand, by the number of the lane.
    pub open: [u16; Lane::ALL.len()],
    /// Tasks that wait to take one.
    pub waiting: [u16; Lane::ALL.len()],
}

impl LaneLoad {
    fn open(&self, lane: Lane) -> u16 {
        self.open[lane as usize]
    }

    fn is_busy(&self, lane: Lane) -> bool {
        self.open(lane) > 0 || self.waiting[lane as usize] > 0
    }
}

/// How many messages a sender works on at once, by lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    in_flight_max: u16,
}

impl LaneLimits {
    /// For so many requests at once.
    ///
    /// The urgent lane may have all of them and a little more, so that the provider never waits for it. An eighth of them is
    /// its own at all times, and a quarter while it has work: what the others hold beyond that comes back as they finish.
    /// The standard lane may have the rest; while the lowest has work it leaves it an eighth. The lowest leaves an eighth
    /// to the standard lane at all times.
    pub fn new(in_flight_max: u16) -> Self {
        Self { in_flight_max }
    }

    /// Most messages of one lane, whatever the others do.
    pub fn of(&self, lane: Lane) -> u16 {
        match lane {
            Lane::Critical => self.in_flight_max.saturating_add(self.in_flight_max.div_ceil(2)),
            Lane::Standard => self.below(false),
            Lane::Bulk => self.but_an_eighth(self.below(false)),
        }
    }

    /// Whether a lane may take one more.
    pub fn admits(&self, lane: Lane, load: &LaneLoad) -> bool {
        let below = self.below(load.is_busy(Lane::Critical));
        let shared = self.but_an_eighth(below);
        let has_room = load.open(Lane::Standard).saturating_add(load.open(Lane::Bulk)) < below;
        let of_standard = if load.is_busy(Lane::Bulk) { shared } else { below };
        let standard_may = load.open(Lane::Standard) < of_standard;
        match lane {
            Lane::Critical => load.open(lane) < self.of(lane),
            Lane::Standard => has_room && standard_may,
            Lane::Bulk => {
                let standard_waits = load.waiting[Lane::Standard as usize] > 0 && standard_may;
                has_room && load.open(lane) < shared && !standard_waits
            }
        }
    }

    /// Whether so much may be in hand.
    pub fn hold(&self, load: &LaneLoad) -> bool {
        let below = load.open(Lane::Standard).saturating_add(load.open(Lane::Bulk));
        load.open(Lane::Critical) <= self.of(Lane::Critical)
            && below <= self.below(load.is_busy(Lane::Critical))
    }

    /// Most messages of the lanes below critical, together.
    fn below(&self, is_critical_busy: bool) -> u16 {
        let kept = self.in_flight_max.div_ceil(if is_critical_busy { 4 } else { 8 });
        (self.in_flight_max - kept).max(1)
    }

    fn but_an_eighth(&self, of: u16) -> u16 {
        of.saturating_sub(self.in_flight_max.div_ceil(8)).max(1)
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

    /// How many of a lane are taken before it would have to wait.
    fn fill(limits: LaneLimits, lane: Lane, load: &mut LaneLoad) -> u16 {
        let before = load.open(lane);
        while limits.admits(lane, load) {
            load.open[lane as usize] += 1;
        }
        load.open(lane) - before
    }

    #[test]
    fn a_lane_alone_has_what_idle_ones_leave_and_gives_it_back_when_they_have_work() {
        let limits = LaneLimits::new(80);
        assert_eq!(Lane::ALL.map(|lane| limits.of(lane)), [120, 70, 60]);
        let mut load = LaneLoad::default();
        assert_eq!(fill(limits, Lane::Standard, &mut load), 70);
        assert_eq!(fill(limits, Lane::Bulk, &mut load), 0);
        load.waiting[Lane::Bulk as usize] = 1;
        load.open[Lane::Standard as usize] = 65;
        assert_eq!((fill(limits, Lane::Standard, &mut load), fill(limits, Lane::Bulk, &mut load)), (0, 5));
        load.waiting[Lane::Critical as usize] = 1;
        load.open = [0, 59, 0];
        assert_eq!(fill(limits, Lane::Standard, &mut load), 0, "an eighth is left to the lowest");
        assert_eq!(fill(limits, Lane::Bulk, &mut load), 1);
        assert_eq!(fill(limits, Lane::Critical, &mut load), 120, "whatever the others have");
    }

    #[test]
    fn the_lowest_lane_goes_after_a_standard_one_that_may_go() {
        let limits = LaneLimits::new(80);
        let mut load = LaneLoad { open: [0, 20, 20], waiting: [0, 1, 1] };
        assert!(!limits.admits(Lane::Bulk, &load) && limits.admits(Lane::Standard, &load));
        load.open = [0, 60, 5];
        assert!(limits.admits(Lane::Bulk, &load) && !limits.admits(Lane::Standard, &load));
    }

    #[test]
    fn however_small_a_share_is_one_request_of_it_is_left_to_critical() {
        for in_flight_max in 2..=2_000 {
            let (limits, mut load) = (LaneLimits::new(in_flight_max), LaneLoad::default());
            let below = fill(limits, Lane::Standard, &mut load) + fill(limits, Lane::Bulk, &mut load);
            let critical = fill(limits, Lane::Critical, &mut load);
            assert!((1..in_flight_max).contains(&below) && critical > in_flight_max, "{in_flight_max}");
        }
        let (limits, mut load) = (LaneLimits::new(1), LaneLoad::default());
        let taken = Lane::ALL.map(|lane| fill(limits, lane, &mut load));
        assert_eq!(taken, [2, 1, 0], "one request for all");
        assert_eq!(LaneLimits::new(u16::MAX).of(Lane::Critical), u16::MAX);
    }
}
