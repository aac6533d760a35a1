//! Missing statuses: when the provider is asked for one, and what it says.
//!
//! In: how often it was asked. Out: when it is asked next, or that it is not asked again.
//! Never: takes silence for a failure: a text that stays `sent` may have arrived.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    provider::{FailureClass, ProviderStatus},
    time::after_s,
};

/// Shortest wait before the provider is asked about a text that it took, in seconds: a callback is usually faster.
const FIRST_S_MIN: u32 = 5;

/// When the provider is asked for the status of a text that has none that is final, in seconds after it took the
/// text, rising. A callback that was lost heals at the next of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PollSchedule(pub Vec<u32>);

impl Default for PollSchedule {
    /// 1, 5 and 30 min, 3 and 12 h, 1 and 3 days: a status later than that is unlikely (twilio.com/docs, "sent").
    fn default() -> Self {
        Self(vec![60, 300, 1_800, 10_800, 43_200, 86_400, 259_200])
    }
}

impl PollSchedule {
    /// When a text that was taken at `now` is asked about first: before its delivery deadline, where it has one.
    pub fn first(&self, deliver_within_s: Option<u32>, now: Timestamp) -> Option<Timestamp> {
        let first = *self.0.first()?;
        let in_time = deliver_within_s.map_or(first, |within| (within / 2).max(FIRST_S_MIN));
        Some(after_s(now, first.min(in_time)))
    }

    /// When it is asked about next, after `polls` questions, the last of which was answered at `now`.
    pub fn next(&self, polls: u16, now: Timestamp) -> Option<Timestamp> {
        let next = usize::from(polls);
        let before = next.checked_sub(1).and_then(|last| self.0.get(last)).copied().unwrap_or(0);
        let wait_s = self.0.get(next)?.saturating_sub(before).max(FIRST_S_MIN);
        Some(after_s(now, wait_s))
    }
}

/// What the provider says of a text that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollAnswer {
    /// The provider has the text, in this status.
    Status {
        /// The status.
        status: ProviderStatus,
        /// The error code of a failure.
        code: Option<u32>,
        /// What that code asks of us.
        class: FailureClass,
    },
    /// It has no such text: it was deleted there.
    Unknown,
    /// It could not be asked.
    NoAnswer {
        /// What was seen instead of an answer.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn questions_come_at_growing_intervals_and_end() {
        let schedule = PollSchedule::default();
        assert_eq!(schedule.first(None, at(0)), Some(at(60)));
        assert_eq!(schedule.next(1, at(60)), Some(at(300)));
        assert_eq!(schedule.next(6, at(86_400)), Some(at(259_200)));
        assert_eq!(schedule.next(7, at(259_200)), None);
        assert_eq!(PollSchedule(Vec::new()).first(None, at(0)), None);
    }

    #[test]
    fn a_near_deadline_brings_the_first_question_forward_but_not_to_nothing() {
        let schedule = PollSchedule::default();
        assert_eq!(schedule.first(Some(40), at(0)), Some(at(20)));
        assert_eq!(schedule.first(Some(3_600), at(0)), Some(at(60)));
        assert_eq!(schedule.first(Some(1), at(0)), Some(at(5)));
    }
}
