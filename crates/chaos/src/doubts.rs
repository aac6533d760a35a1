//! Doubts, read from the timelines. In: every timeline, and who died when. Out: how they ended, and how soon.
//!
//! Never: counts a doubt for a kill that its request did not live to see.

use std::collections::BTreeMap;

use domain::timeline::{Entry, TimelineEvent};
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
    /// For each death that left claims behind: until the last of them was resolved, in seconds, rising.
    pub(crate) after_death_s: Vec<f64>,
}

impl Doubts {
    pub(crate) fn new(timelines: &[Vec<Entry>], deaths: &[Timestamp]) -> Self {
        let mut doubts = Self::default();
        let mut last: BTreeMap<Timestamp, Timestamp> = BTreeMap::new();
        for timeline in timelines {
            doubts.read(timeline, deaths, &mut last);
        }
        let seconds = last.iter().map(|(died, resolved)| resolved.duration_since(*died).as_secs_f64());
        doubts.after_death_s = seconds.collect();
        doubts.after_death_s.sort_by(f64::total_cmp);
        doubts
    }

    fn read(&mut self, timeline: &[Entry], deaths: &[Timestamp], last: &mut BTreeMap<Timestamp, Timestamp>) {
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
                    *self.resolved.entry(by.as_str().to_owned()).or_default() += 1;
                    let Some((at, true)) = began.get(&entry.message) else { continue };
                    let cut_off = deaths.iter().find(|died| *died >= at && **died <= *at + REQUEST_MAX);
                    if let Some(died) = cut_off {
                        self.cut_off += 1;
                        let resolved = last.entry(*died).or_insert(entry.at);
                        *resolved = entry.at.max(*resolved);
                    }
                }
                TimelineEvent::SecondSid { .. } => self.second_texts += 1,
                _ => {}
            }
        }
    }

    /// The middle and the longest of [`Doubts::after_death_s`].
    pub(crate) fn median_and_max_s(&self) -> Option<(f64, f64)> {
        let times = &self.after_death_s;
        Some((*times.get(times.len() / 2)?, *times.last()?))
    }
}

#[cfg(test)]
mod tests {
    use domain::timeline::DoubtResolvedBy;

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
        let timelines = vec![
            vec![began(10), lapsed(40), resolved(41), began(41)],
            vec![began(9), lapsed(39), resolved(45)],
        ];
        let doubts = Doubts::new(&timelines, &[at(5), at(11), at(100)]);
        assert_eq!(doubts.median_and_max_s(), Some((34.0, 34.0)));
        assert_eq!((doubts.resolved["resend"], doubts.cut_off), (2, 2));
    }
}
