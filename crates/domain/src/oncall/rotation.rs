//! Whose turn it is. In: people who take turns, hours in which the rotation holds, the time. Out: a person, and until when.
//!
//! Never: reads a calendar of the machine; handovers and hours are computed in the rotation's own zone.

use jiff::{SignedDuration, Timestamp, ToSpan, Unit, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::hours::OnCallHours;
use crate::{quiet_hours::zone, time::after_s};

/// How long one turn lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnLength {
    /// So many days, 1 or more.
    Days(u16),
    /// So many hours of local time, 1 or more.
    Hours(u16),
}

/// People who take turns in one layer of an on-call schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// IANA time zone of the handover.
    pub time_zone: String,
    /// The first day of the first turn.
    pub start: civil::Date,
    /// The local time of the first handover, and of every one where turns last whole days.
    pub handover: civil::Time,
    /// How long one turn lasts.
    pub turn: TurnLength,
    /// Contact names, in turn.
    pub members: Vec<String>,
    /// When the rotation holds; always when absent. Turns go on meanwhile.
    pub hours: Option<OnCallHours>,
}

/// Turns that the first guess may be off by: clock changes move a handover by less than one.
const OFF_BY_MAX: u8 = 4;
/// Seconds of a leap year.
const YEAR_S: i64 = 366 * 24 * 3_600;

impl Rotation {
    /// Whose turn it is; the first member's before the rotation begins. `None` outside its hours, without members or
    /// with an unknown zone.
    pub fn on_call(&self, now: Timestamp) -> Option<&str> {
        let zone = zone(&self.time_zone)?;
        if self.hours.as_ref().is_some_and(|hours| !hours.hold(&zone, now)) {
            return None;
        }
        let index = usize::try_from(self.turn_at(&zone, now)?).ok()? % self.members.len().max(1);
        self.members.get(index).map(String::as_str)
    }

    /// When the turn that holds at `now` ends.
    pub fn next_handover(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = zone(&self.time_zone)?;
        self.handover_to(&zone, self.turn_at(&zone, now)? + 1)
    }

    /// When the turn that holds at `now` began. Before the rotation begins its first turn holds, which has no beginning:
    /// it counts from a whole number of years before the handover to it.
    pub(super) fn turn_began(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = zone(&self.time_zone)?;
        let began = self.handover_to(&zone, self.turn_at(&zone, now)?)?;
        let ahead_s = began.duration_since(now).as_secs();
        let years = if ahead_s > 0 { ahead_s / YEAR_S + 1 } else { 0 };
        Some(after_s(began, -years * YEAR_S))
    }

    /// When somebody else may be on call next: a handover, or the hours begin or end.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let by_hours = self.hours.as_ref().and_then(|hours| hours.next_change(&zone(&self.time_zone)?, now));
        [self.next_handover(now), by_hours].into_iter().flatten().min()
    }

    /// When this rotation and another first hold at once, within a year of the later start. Two of one layer must not.
    pub fn overlap(&self, other: &Self) -> Option<Timestamp> {
        let start = |of: &Self| of.handover_to(&zone(&of.time_zone)?, 0);
        let begin = start(self)?.max(start(other)?);
        let end = begin + SignedDuration::from_hours(366 * 24);
        let (mut now, both) = (begin, |at| self.holds(at) && other.holds(at));
        while now < end {
            if both(now) {
                return Some(now);
            }
            let next =
                |of: &Self| of.hours.as_ref().and_then(|hours| hours.next_change(&zone(&of.time_zone)?, now));
            now = [next(self), next(other)].into_iter().flatten().min()?;
        }
        None
    }

    fn holds(&self, now: Timestamp) -> bool {
        let hold = |hours: &OnCallHours| zone(&self.time_zone).is_some_and(|zone| hours.hold(&zone, now));
        self.hours.as_ref().is_none_or(hold)
    }

    /// The number of the turn that holds at `now`, from 0.
    fn turn_at(&self, zone: &TimeZone, now: Timestamp) -> Option<i64> {
        let first = self.start.to_datetime(self.handover);
        let hours = first.until((Unit::Hour, now.to_zoned(zone.clone()).datetime())).ok()?.get_hours();
        let mut turn = (i64::from(hours) / self.hours_a_turn()).max(0);
        for _ in 0..OFF_BY_MAX {
            if turn > 0 && self.handover_to(zone, turn)? > now {
                turn -= 1;
            } else if self.handover_to(zone, turn + 1)? <= now {
                turn += 1;
            } else {
                break;
            }
        }
        Some(turn)
    }

    fn hours_a_turn(&self) -> i64 {
        match self.turn {
            TurnLength::Days(days) => 24 * i64::from(days.max(1)),
            TurnLength::Hours(hours) => i64::from(hours.max(1)),
        }
    }

    /// When a turn begins: at its local time, on whatever day. Only a day that skips that time moves its handover with
    /// the clock; on one that has it twice the first counts.
    fn handover_to(&self, zone: &TimeZone, turn: i64) -> Option<Timestamp> {
        let later = turn.checked_mul(self.hours_a_turn())?.hours();
        let at = self.start.to_datetime(self.handover).checked_add(later).ok()?;
        at.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weekday::DayOfWeek;

    fn weekly() -> Rotation {
        Rotation {
            time_zone: "Europe/Berlin".into(),
            start: "2026-03-23".parse().unwrap(),
            handover: "09:00".parse().unwrap(),
            turn: TurnLength::Days(7),
            members: vec!["ada".into(), "ben".into()],
            hours: None,
        }
    }

    #[test]
    fn turns_change_at_the_local_handover_through_a_clock_change() {
        let rotation = weekly();
        // Berlin springs forward on 2026-03-29, so the handover of the 30th is at 07:00Z.
        assert_eq!(rotation.on_call("2026-03-30T06:59:59Z".parse().unwrap()), Some("ada"));
        assert_eq!(rotation.on_call("2026-03-30T07:00:00Z".parse().unwrap()), Some("ben"));
        assert_eq!(rotation.on_call("2026-04-06T07:00:00Z".parse().unwrap()), Some("ada"));
        assert_eq!(rotation.on_call("2020-01-01T00:00:00Z".parse().unwrap()), Some("ada"));
        assert_eq!(
            rotation.next_handover("2026-03-29T12:00:00Z".parse().unwrap()),
            Some("2026-03-30T07:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn c1_a_rotation_that_starts_in_a_skipped_hour_hands_over_at_its_own_time_later() {
        let rotation = Rotation {
            time_zone: "America/Denver".into(),
            start: "2026-03-08".parse().unwrap(),
            handover: "02:30".parse().unwrap(),
            turn: TurnLength::Days(1),
            ..weekly()
        };
        // 02:30 on the 9th is 08:30Z; on the 8th the clock jumps over it, to 03:30, 09:30Z.
        for (now, name, next) in [
            ("2026-03-08T09:29:59Z", "ada", "2026-03-09T08:30:00Z"),
            ("2026-03-09T08:29:59Z", "ada", "2026-03-09T08:30:00Z"),
            ("2026-03-09T08:30:00Z", "ben", "2026-03-10T08:30:00Z"),
            ("2026-07-01T08:29:59Z", "ada", "2026-07-01T08:30:00Z"),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!(rotation.on_call(now), Some(name), "{now}");
            assert_eq!(rotation.next_handover(now), Some(next.parse().unwrap()), "{now}");
        }
        // In the night that the clocks go back 01:30 comes twice, and one handover.
        let autumn = Rotation { handover: "01:30".parse().unwrap(), ..rotation };
        let at = |now: &str| autumn.on_call(now.parse().unwrap()).map(str::to_owned);
        let after = at("2026-11-01T07:30:00Z");
        assert_ne!(at("2026-11-01T07:29:59Z"), after);
        assert_eq!(at("2026-11-01T08:10:00Z"), after);
        assert_eq!(at("2026-11-01T08:30:00Z"), after);
    }

    #[test]
    fn turns_of_hours_go_round_the_clock_in_local_time() {
        let rotation =
            Rotation { turn: TurnLength::Hours(12), start: "2026-03-28".parse().unwrap(), ..weekly() };
        // Berlin springs forward in the night from the 28th to the 29th: that turn lasts eleven hours.
        for (now, name, next) in [
            ("2026-03-28T08:00:00Z", "ada", "2026-03-28T20:00:00Z"),
            ("2026-03-28T20:00:00Z", "ben", "2026-03-29T07:00:00Z"),
            ("2026-03-29T07:00:00Z", "ada", "2026-03-29T19:00:00Z"),
            ("2026-06-01T07:00:00Z", "ada", "2026-06-01T19:00:00Z"),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!(rotation.on_call(now), Some(name), "{now}");
            assert_eq!(rotation.next_handover(now), Some(next.parse().unwrap()), "{now}");
        }
    }

    fn during(from: &str, until: &str, weekdays: &[DayOfWeek]) -> Rotation {
        let hours = OnCallHours {
            weekdays: weekdays.to_vec(),
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        };
        Rotation { hours: Some(hours), ..weekly() }
    }

    #[test]
    fn outside_its_hours_a_rotation_has_nobody() {
        let day = during("08:00", "20:00", &[]);
        let at = |now: &str| day.on_call(now.parse().unwrap()).map(str::to_owned);
        assert_eq!(at("2026-03-24T06:59:59Z"), None);
        assert_eq!(at("2026-03-24T07:00:00Z").as_deref(), Some("ada"));
        let next = day.next_change("2026-03-24T07:00:00Z".parse().unwrap());
        assert_eq!(next, Some("2026-03-24T19:00:00Z".parse().unwrap()));
        let handover = day.next_change("2026-03-30T06:30:00Z".parse().unwrap());
        assert_eq!(handover, Some("2026-03-30T07:00:00Z".parse().unwrap()), "before the hours end");
    }

    #[test]
    fn two_rotations_of_a_layer_must_not_hold_at_once() {
        let (day, night) = (during("08:00", "20:00", &[]), during("20:00", "08:00", &[]));
        assert_eq!(day.overlap(&night), None);
        assert!(day.overlap(&weekly()).is_some() && weekly().overlap(&weekly()).is_some());
        let weekend = during("00:00", "00:00", &[DayOfWeek::Sat, DayOfWeek::Sun]);
        assert_eq!(day.overlap(&weekend), Some("2026-03-28T07:00:00Z".parse().unwrap()));
        // In two zones with clock changes of their own, day and night meet for some weeks of the year only.
        let elsewhere = Rotation { time_zone: "America/New_York".into(), ..during("14:00", "02:00", &[]) };
        assert_eq!(day.overlap(&elsewhere), Some("2026-03-23T18:00:00Z".parse().unwrap()));
    }
}
