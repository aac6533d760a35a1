//! In which lane a new run works. In: the lane of its workflow, the lane in which its event came, its source's quota.
//! Out: the run's lane, and whether it gives way to others.
//!
//! Never: raises a lane: what came lower stays lower.

use crate::{source_quota::Quota, workflow::Lane};

/// Where a new run works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanePlacement {
    /// Its lane.
    pub lane: Lane,
    /// It was lowered just now, and holds a permit of the lane in which it came: it is not dispatched in this delivery.
    pub gives_way: bool,
}

impl LanePlacement {
    /// Places a run of a workflow whose lane is `own`, for an event that came in `delivered`. The quota is asked only
    /// where it matters: an event that came lowered was counted when it was accepted.
    pub fn of(own: Lane, delivered: Lane, quota: impl FnOnce() -> Quota) -> Self {
        if delivered > own {
            return Self { lane: delivered, gives_way: false };
        }
        let lane = if delivered == own { quota().of(own) } else { own };
        Self { lane, gives_way: lane > own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_lowered_stays_there_and_is_not_counted_again() {
        let placed = LanePlacement::of(Lane::Critical, Lane::Bulk, || unreachable!("it was counted"));
        assert_eq!(placed, LanePlacement { lane: Lane::Bulk, gives_way: false });
    }

    #[test]
    fn beyond_its_quota_an_event_goes_one_lane_lower_and_gives_way() {
        let placed = LanePlacement::of(Lane::Critical, Lane::Critical, || Quota::Exceeded);
        assert_eq!(placed, LanePlacement { lane: Lane::Standard, gives_way: true });
        let placed = LanePlacement::of(Lane::Standard, Lane::Standard, || Quota::Within);
        assert_eq!(placed, LanePlacement { lane: Lane::Standard, gives_way: false });
    }

    #[test]
    fn an_event_of_several_workflows_keeps_the_lane_of_each() {
        let placed = LanePlacement::of(Lane::Bulk, Lane::Critical, || unreachable!("another lane pays"));
        assert_eq!(placed, LanePlacement { lane: Lane::Bulk, gives_way: false });
    }
}
