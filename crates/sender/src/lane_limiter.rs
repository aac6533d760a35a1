//! How much is in hand at once, by lane.
//!
//! In: lanes that ask for a permit. Out: permits, given back when dropped.
//! Never: lets work below critical take what is reserved for critical, or the lowest lane go before the standard one.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use domain::{lane_limits::LaneLimits, workflow::Lane};
use futures::future::join_all;
use ports::Permits;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

/// The permits of one lane, which its queues share.
#[derive(Clone)]
pub(crate) struct LaneLimiter {
    lane: Lane,
    of_lane: Arc<Permits>,
    /// How many permits the lane has.
    size: Arc<AtomicU16>,
    /// Shared by all lanes. A watch channel would wake its waiters in an order that no simulation can repeat.
    resized: Arc<Notify>,
    below_critical: Arc<Permits>,
    /// How many tasks of the standard lane wait for a permit below critical.
    standard_waits: watch::Sender<usize>,
}

/// A permit, until it is dropped.
pub(crate) struct LanePermit(
    #[expect(dead_code, reason = "held, not read")] [Option<OwnedSemaphorePermit>; 2],
);

/// Counts one waiting task until dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(waits: &'a watch::Sender<usize>) -> Self {
        waits.send_modify(|waits| *waits += 1);
        Self(waits)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waits| *waits -= 1);
    }
}

impl LaneLimiter {
    /// The limiter of every lane.
    pub(crate) fn of_lanes(max: &LaneLimits) -> Vec<Self> {
        let below_critical = Arc::new(Permits::new(max.below_critical()));
        let (standard_waits, _) = watch::channel(0);
        let resized = Arc::new(Notify::new());
        let limiter = Lane::ALL.into_iter().map(|lane| Self {
            lane,
            of_lane: Arc::new(Permits::new(max.of(lane))),
            size: Arc::new(AtomicU16::new(max.of(lane))),
            resized: resized.clone(),
            below_critical: below_critical.clone(),
            standard_waits: standard_waits.clone(),
        });
        limiter.collect()
    }

    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    /// How many permits the lane has.
    pub(crate) fn size(&self) -> u16 {
        self.size.load(Ordering::Acquire)
    }

    /// Returns when the lane has another number of permits than this.
    pub(crate) async fn resized(&self, from: u16) {
        loop {
            let resized = self.resized.notified();
            if self.size() != from {
                return;
            }
            resized.await;
        }
    }

    /// Sets the number of permits; returns once no more than that are taken.
    pub(crate) async fn resize(lanes: &[Self], max: &LaneLimits) {
        for limiter in lanes {
            limiter.size.store(max.of(limiter.lane), Ordering::Release);
            limiter.resized.notify_waiters();
        }
        if let [first, ..] = lanes {
            let of_lanes = join_all(lanes.iter().map(|limiter| limiter.of_lane.resize(max.of(limiter.lane))));
            futures::join!(first.below_critical.resize(max.below_critical()), of_lanes);
        }
    }

    /// Waits for a permit. `None` never comes: nothing here is closed.
    pub(crate) async fn take(&self) -> Option<LanePermit> {
        let of_lane = self.of_lane.take().await?;
        let shared = match self.lane {
            Lane::Critical => None,
            Lane::Standard => {
                let _waiting = Waiting::new(&self.standard_waits);
                Some(self.below_critical.take().await?)
            }
            Lane::Bulk => Some(self.after_standard().await?),
        };
        Some(LanePermit([Some(of_lane), shared]))
    }

    /// A permit, once no work of the standard lane is waiting.
    async fn after_standard(&self) -> Option<OwnedSemaphorePermit> {
        let mut waits = self.standard_waits.subscribe();
        loop {
            waits.wait_for(|waits| *waits == 0).await.ok()?;
            let permit = self.below_critical.take().await?;
            if *waits.borrow() == 0 {
                return Some(permit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn lanes(provider: u16) -> [LaneLimiter; 3] {
        LaneLimiter::of_lanes(&LaneLimits::new(provider)).try_into().unwrap_or_else(|_| panic!("three lanes"))
    }

    /// Takes permits until one would have to be waited for.
    fn fill(limiter: &LaneLimiter) -> Vec<LanePermit> {
        std::iter::from_fn(|| limiter.take().now_or_never().flatten()).collect()
    }

    // Without a runtime: one would end a poll after so many permits.
    #[test]
    fn a_lane_alone_has_most_and_critical_has_always_its_own() {
        let [critical, standard, bulk] = lanes(80);
        let held = fill(&bulk);
        assert_eq!((held.len(), fill(&standard).len()), (50, 10));
        let more = fill(&standard);
        assert_eq!(fill(&critical).len(), 120, "whatever the others have");
        drop((held, more));
        assert_eq!(fill(&standard).len(), 50);
    }

    /// How many permits critical has, how many standard, and how many of those are left to bulk.
    fn room([critical, standard, bulk]: &[LaneLimiter; 3]) -> [usize; 3] {
        let held = fill(standard);
        [fill(critical).len(), held.len(), fill(bulk).len()]
    }

    #[test]
    fn however_small_a_share_is_one_request_of_it_is_left_to_critical() {
        for in_flight_max in 2..=2_000 {
            let [critical, standard, bulk] = room(&lanes(in_flight_max));
            let most = usize::from(in_flight_max);
            assert!((1..most).contains(&(standard + bulk)) && critical > most, "{in_flight_max}");
        }
        assert_eq!(room(&lanes(1)), [2, 1, 0], "one request for all");
    }

    #[test]
    fn permits_follow_the_share() {
        let resized = lanes(80);
        for in_flight_max in [8, 1, 80] {
            LaneLimiter::resize(&resized, &LaneLimits::new(in_flight_max)).now_or_never().unwrap();
            assert_eq!(room(&resized), room(&lanes(in_flight_max)));
        }
    }

    // Without a runtime: one would end a poll after so many permits.
    #[test]
    fn a_permit_that_comes_free_goes_to_the_standard_lane_first() {
        let [_, standard, bulk] = lanes(80);
        let (mut held, _all) = (fill(&bulk), fill(&standard));
        held.truncate(49);
        held.extend(bulk.take().now_or_never().flatten());
        assert_eq!(held.len(), 50, "nobody else asked");
        held.truncate(49);
        let (_taken, mut high, mut low) =
            (standard.take().now_or_never(), Box::pin(standard.take()), Box::pin(bulk.take()));
        assert!(low.as_mut().now_or_never().is_none() && high.as_mut().now_or_never().is_none());
        held.truncate(48);
        assert!(low.as_mut().now_or_never().is_none(), "it was first, and the standard lane waits");
        let high = high.now_or_never().flatten();
        assert!(high.is_some());
        held.truncate(47);
        assert!(low.now_or_never().flatten().is_some());
    }
}
