//! How much is in hand at once, by lane.
//!
//! In: lanes that ask for a permit. Out: permits, given back when dropped.
//! Never: decides which lane may take one; `LaneLimits` does.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    lane_limits::{LaneLimits, LaneLoad},
    workflow::Lane,
};
use tokio::sync::Notify;

/// The permits of one lane, which its queues share.
#[derive(Clone)]
pub(crate) struct LaneLimiter {
    lane: Lane,
    lanes: Arc<Lanes>,
}

/// What all lanes share.
struct Lanes {
    state: Mutex<State>,
    /// Tells everybody who waits for a permit, or for other limits, to look again. They are few: one for each queue. A watch
    /// channel would wake them in an order that no simulation can repeat.
    changed: Notify,
}

struct State {
    limits: LaneLimits,
    load: LaneLoad,
}

/// A permit, until it is dropped.
pub(crate) struct LanePermit(LaneLimiter);

impl Drop for LanePermit {
    fn drop(&mut self) {
        self.0.change(|load| &mut load.open, -1);
    }
}

/// Counts one waiting task until dropped.
struct Waiting<'a>(&'a LaneLimiter);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.change(|load| &mut load.waiting, -1);
    }
}

impl LaneLimiter {
    /// The limiter of every lane.
    pub(crate) fn of_lanes(limits: LaneLimits) -> [Self; Lane::ALL.len()] {
        let state = Mutex::new(State { limits, load: LaneLoad::default() });
        let lanes = Arc::new(Lanes { state, changed: Notify::new() });
        Lane::ALL.map(|lane| Self { lane, lanes: lanes.clone() })
    }

    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    /// How many permits the lane has at most.
    pub(crate) fn size(&self) -> u16 {
        self.state().limits.of(self.lane)
    }

    /// Returns when the lane has another number of permits than this.
    pub(crate) async fn resized(&self, from: u16) {
        self.once(|| (self.size() != from).then_some(())).await;
    }

    /// Sets the limits of all lanes; returns once no more than that is taken.
    pub(crate) async fn resize(&self, limits: LaneLimits) {
        self.state().limits = limits;
        self.lanes.changed.notify_waiters();
        self.once(|| limits.hold(&self.state().load).then_some(())).await;
    }

    /// Waits for a permit.
    pub(crate) async fn take(&self) -> LanePermit {
        if let Some(permit) = self.try_take() {
            return permit;
        }
        self.change(|load| &mut load.waiting, 1);
        let _waiting = Waiting(self);
        self.once(|| self.try_take()).await
    }

    fn try_take(&self) -> Option<LanePermit> {
        let mut state = self.state();
        let may = state.limits.admits(self.lane, &state.load);
        if may {
            state.load.open[self.lane as usize] += 1;
        }
        may.then(|| LanePermit(self.clone()))
    }

    /// Looks whenever something has changed, until there is an answer.
    async fn once<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            let mut changed = pin!(self.lanes.changed.notified());
            changed.as_mut().enable();
            if let Some(answer) = look() {
                return answer;
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.lanes.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, of: impl Fn(&mut LaneLoad) -> &mut [u16; Lane::ALL.len()], by: i16) {
        let mut state = self.state();
        let count = &mut of(&mut state.load)[self.lane as usize];
        *count = count.saturating_add_signed(by);
        drop(state);
        self.lanes.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn lanes(in_flight_max: u16) -> [LaneLimiter; 3] {
        LaneLimiter::of_lanes(LaneLimits::new(in_flight_max))
    }

    /// Takes permits until one would have to be waited for.
    fn fill(limiter: &LaneLimiter) -> Vec<LanePermit> {
        std::iter::from_fn(|| limiter.take().now_or_never()).collect()
    }

    // Without a runtime: one would end a poll after so many permits.
    #[test]
    fn what_a_lane_took_of_idle_ones_comes_back_as_it_finishes() {
        let [critical, standard, bulk] = lanes(80);
        let mut held = fill(&standard);
        assert_eq!((held.len(), fill(&bulk).len()), (70, 0));
        let urgent = critical.take().now_or_never();
        assert!(urgent.is_some(), "whatever the others have");
        held.truncate(60);
        assert!(standard.take().now_or_never().is_none(), "critical has work");
        drop(urgent);
        assert_eq!(fill(&standard).len(), 10);
    }

    #[test]
    fn permits_follow_the_share() {
        let resized = lanes(80);
        let room = |[critical, standard, bulk]: &[LaneLimiter; 3]| {
            let held = fill(standard);
            [held.len(), fill(bulk).len(), fill(critical).len()]
        };
        for in_flight_max in [8, 1, 80] {
            resized[0].resize(LaneLimits::new(in_flight_max)).now_or_never().unwrap();
            assert_eq!(room(&resized), room(&lanes(in_flight_max)));
        }
        let held = fill(&resized[1]);
        let mut smaller = Box::pin(resized[0].resize(LaneLimits::new(8)));
        assert!(smaller.as_mut().now_or_never().is_none(), "more is in hand");
        drop(held);
        assert!(smaller.now_or_never().is_some());
    }

    #[test]
    fn a_permit_that_comes_free_goes_to_the_standard_lane_first() {
        let [_, standard, bulk] = lanes(80);
        let mut held = fill(&bulk);
        held.truncate(50);
        held.extend(fill(&standard));
        assert_eq!(held.len(), 70);
        let (mut high, mut low) = (Box::pin(standard.take()), Box::pin(bulk.take()));
        assert!(low.as_mut().now_or_never().is_none() && high.as_mut().now_or_never().is_none());
        held.truncate(69);
        assert!(low.as_mut().now_or_never().is_none(), "it was first, and the standard lane waits");
        let taken = high.now_or_never();
        assert!(taken.is_some());
        held.truncate(68);
        assert!(low.now_or_never().is_some());
    }
}
