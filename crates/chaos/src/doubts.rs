//! Doubts, read from the timelines. In: every timeline, and who died when. Out: how they ended, and how soon.
//!
//! Never: counts a doubt for a kill that its request did not live to see.

use std::collections::BTreeMap;

use domain::timeline::{DoubtResolvedBy, Entry, TimelineEvent};
use jiff::{SignedDuration, Timestamp};

/// A claim is cut off by a death that comes within this time; a request takes no longer.
const REQUEST_MAX: SignedDuration = SignedDuration::from_secs(10);

/// All doubts of a run of chaos.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// How they were resolved, and how often in each way.
    pub(crate) resolved: BTreeMap<String, u64>,
    /// Further texts for a message that had one.
    pub(crate) second_texts: u64,
    /// Claims that a death cut off, and that were not resolved before they lapsed.
    pub(crate) cut_off: u64,
    deaths: Vec<Timestamp>,
    /// For each death that left claims behind, when the last of them was resolved.
    last: BTreeMap<Timestamp, Timestamp>,
}

impl Doubts {
    pub(crate) fn new(deaths: Vec<Timestamp>) -> Self {
        Self { deaths, ..Self::default() }
    }

    /// Reads one more timeline. Returns whether a text was sent again because of a doubt.
    pub(crate) fn read(&mut self, timeline: &[Entry]) -> bool {
        let mut is_resent = false;
        let mut began: BTreeMap<Option<u16>, (Timestamp, bool)> = BTreeMap::new();
        for entry in timeline {
            #[expect(clippy::wildcard_enum_match_arm, reason = "the others say nothing of doubt")]
            match &entry.what {
                TimelineEvent::DispatchBegan { .. } => drop(began.insert(entry.message, (entry.at, false))),
                TimelineEvent::DoubtBegan { reason } if reason.starts_with("the claim lapsed") => {
                    if let Some((_, lapsed)) = began.get_mut(&entry.message) {
                        *lapsed = true;
                    }
                }
                TimelineEvent::DoubtResolved { by, .. } => {
                    is_resent |= *by == DoubtResolvedBy::Resend;
                    *self.resolved.entry(by.as_str().to_owned()).or_default() += 1;
                    let Some((at, true)) = began.get(&entry.message) else { continue };
                    let cut_off = self.deaths.iter().find(|died| *died >= at && **died <= *at + REQUEST_MAX);
                    if let Some(died) = cut_off {
                        self.cut_off += 1;
                        let resolved = self.last.entry(*died).or_insert(entry.at);
                        *resolved = entry.at.max(*resolved);
                    }
                }
                TimelineEvent::SecondSid { .. } => self.second_texts += 1,
                _ => {}
            }
        }
        is_resent
    }

    /// For each death that left claims behind: until the last of them was resolved, in seconds, rising.
    pub(crate) fn after_death_s(&self) -> Vec<f64> {
        let seconds = self.last.iter().map(|(died, resolved)| resolved.duration_since(*died).as_secs_f64());
        let mut seconds: Vec<f64> = seconds.collect();
        seconds.sort_by(f64::total_cmp);
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    #[test]
    fn a_death_counts_the_claims_it_cut_off() {
        let entry = |second, what| Entry { at: at(second), message: Some(1), what };
        let lapsed =
            |second| entry(second, TimelineEvent::DoubtBegan { reason: "the claim lapsed".to_owned() });
        let resolved = |second| {
            let (by, evidence) = (DoubtResolvedBy::Resend, String::new());
            entry(second, TimelineEvent::DoubtResolved { by, evidence })
        };
        let began = |second| entry(second, TimelineEvent::DispatchBegan { attempt: 1 });
        let timelines =
            [vec![began(10), lapsed(40), resolved(41), began(41)], vec![began(9), lapsed(39), resolved(45)]];
        let mut doubts = Doubts::new(vec![at(5), at(11), at(100)]);
        let resent: Vec<bool> = timelines.iter().map(|timeline| doubts.read(timeline)).collect();
        assert_eq!(resent, [true, true]);
        assert_eq!(doubts.after_death_s(), [34.0]);
        assert_eq!((doubts.resolved["resend"], doubts.cut_off), (2, 2));
    }
}
