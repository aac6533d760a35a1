//! The copy of a calendar that is in force. In: what came of reading the calendar. Out: whether the copy is replaced, and
//! when it is read again.
//!
//! Never: gives up a copy that has shifts for one that has none.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::calendar::NotTaken;
use crate::{limits::CALENDAR_RETRY_S, plural::counted, time::after_s};

/// Most events that are not taken, and most remarks, that are kept.
const KEPT_MAX: usize = 50;
/// Most titles of events that one sentence names.
const NAMED_MAX: usize = 5;

/// What is known of a calendar, beside the text of its last good copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarState {
    /// Which schedule.
    pub schedule: String,
    /// Which layer of it.
    pub layer: String,
    /// A digest of where it is read: another address is read at once.
    pub origin: String,
    /// When it was last tried to be read.
    pub tried_at: Timestamp,
    /// Tries that failed since the last that did not.
    #[serde(default)]
    pub failures: u32,
    /// What the last try failed with; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The copy in force; absent before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CalendarCopy>,
}

/// The last good copy of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarCopy {
    /// A digest of its text.
    pub digest: String,
    /// What the server calls it; asked with, so that it sends the text only if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When it was last the same as the calendar.
    pub read_at: Timestamp,
    /// Size of its text, in bytes.
    pub bytes: u64,
    /// Shifts that had not ended when it was taken.
    pub shifts: u32,
    /// Events that gave nobody a shift then, 50 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_taken: Vec<NotTaken>,
    /// Parts that were passed over then, 50 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<String>,
}

impl CalendarCopy {
    /// What a copy of which all people are unknown is told as.
    fn of_strangers(&self) -> String {
        let ahead = self.not_taken.iter().map(|event| event.ahead).sum::<u32>();
        let names: BTreeSet<&str> = self.not_taken.iter().map(|event| event.summary.as_str()).collect();
        let named: Vec<&str> = names.iter().copied().take(NAMED_MAX).collect();
        let more = names.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(
            "{} of people that contacts.toml does not have: {}{more}",
            counted(ahead, "shift"),
            named.join(", ")
        )
    }
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarRead {
    /// It is as it was.
    Same,
    /// It was read. `read_at` of the copy is now.
    Copy(CalendarCopy),
    /// It was not, and why.
    Failed(String),
}

impl CalendarState {
    /// Of a calendar that was not read yet.
    pub fn new(schedule: &str, layer: &str, origin: &str) -> Self {
        Self {
            schedule: schedule.to_owned(),
            layer: layer.to_owned(),
            origin: origin.to_owned(),
            tried_at: Timestamp::MIN,
            failures: 0,
            error: None,
            copy: None,
        }
    }

    /// When it is to be read again: after `refresh_s`; sooner after a failure, and at once from elsewhere.
    pub fn due(&self, origin: &str, refresh_s: u32) -> Timestamp {
        if self.origin != origin || self.tried_at == Timestamp::MIN {
            return Timestamp::MIN;
        }
        let wait = if self.error.is_some() { refresh_s.min(CALENDAR_RETRY_S) } else { refresh_s };
        after_s(self.tried_at, wait)
    }

    /// How old the copy is.
    pub fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        self.copy.as_ref().map(|copy| now.duration_since(copy.read_at))
    }

    /// After a try. `ahead` is how many shifts of the copy in force have not ended. Returns whether the copy was replaced.
    pub fn tried(&mut self, read: CalendarRead, origin: &str, ahead: usize, now: Timestamp) -> bool {
        self.tried_at = now;
        self.origin = origin.to_owned();
        let error = match read {
            CalendarRead::Same => {
                if let Some(copy) = &mut self.copy {
                    copy.read_at = now;
                }
                None
            }
            CalendarRead::Copy(copy) if copy.shifts > 0 || ahead == 0 => {
                let bounded = CalendarCopy {
                    not_taken: copy.not_taken.into_iter().take(KEPT_MAX).collect(),
                    passed_over: copy.passed_over.into_iter().take(KEPT_MAX).collect(),
                    ..copy
                };
                (self.copy, self.error, self.failures) = (Some(bounded), None, 0);
                return true;
            }
            CalendarRead::Copy(copy) if !copy.not_taken.is_empty() => Some(copy.of_strangers()),
            CalendarRead::Copy(_) => Some(format!(
                "it has no shift ahead any more, and had {ahead}; if that is meant, take the calendar out of oncall.toml"
            )),
            CalendarRead::Failed(why) => Some(why),
        };
        self.failures = error.as_ref().map_or(0, |_| self.failures.saturating_add(1));
        self.error = error;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn copy(shifts: u32, now: Timestamp) -> CalendarCopy {
        CalendarCopy {
            digest: format!("of {shifts}"),
            etag: None,
            read_at: now,
            bytes: 1,
            shifts,
            not_taken: Vec::new(),
            passed_over: Vec::new(),
        }
    }

    #[test]
    fn a_copy_with_shifts_stays_until_there_is_a_better_one() {
        let mut state = CalendarState::new("platform", "primary", "a");
        assert_eq!(state.due("a", 900), Timestamp::MIN);
        assert!(!state.tried(CalendarRead::Failed("404".into()), "a", 0, at(0)));
        assert_eq!((state.failures, state.copy.clone()), (1, None));
        assert_eq!(state.due("a", 900), at(CALENDAR_RETRY_S.into()), "soon after a failure");
        assert!(state.tried(CalendarRead::Copy(copy(3, at(60))), "a", 0, at(60)));
        assert_eq!((state.failures, state.due("a", 900)), (0, at(960)));
        assert!(!state.tried(CalendarRead::Copy(copy(0, at(960))), "a", 3, at(960)));
        let said = state.error.clone().unwrap();
        assert!(said.contains("no shift ahead any more, and had 3"), "{said}");
        assert!(!state.tried(CalendarRead::Failed("500".into()), "a", 3, at(1_000)));
        assert_eq!((state.failures, state.age(at(1_000))), (2, Some(SignedDuration::from_secs(940))));
        assert!(!state.tried(CalendarRead::Same, "a", 3, at(1_100)));
        assert_eq!((state.failures, state.age(at(1_100))), (0, Some(SignedDuration::ZERO)));
        assert_eq!(state.copy.as_ref().unwrap().shifts, 3);
        assert_eq!(state.due("b", 900), Timestamp::MIN, "from elsewhere at once");
        // Nothing is lost where the copy has no shift ahead either.
        assert!(state.tried(CalendarRead::Copy(copy(0, at(9_000))), "a", 0, at(9_000)));
    }
}
