//! When a rotation holds: weekdays and hours of local time. In: a zone and an instant. Out: whether it holds, and until when.
//!
//! Never: loses an hour to a clock change: hours last from the first time they begin to the last time they end.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use crate::weekday::DayOfWeek;

/// Weekdays and hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnCallHours {
    /// The days on which the hours begin, each once; all of them when empty.
    pub weekdays: Vec<DayOfWeek>,
    /// When they begin, local time.
    pub from: Time,
    /// When they end, local time; on the next day where that is not after `from`.
    pub until: Time,
}

/// Days to look ahead for the next change: a week, and one for hours that end on the next day.
const DAYS_AHEAD: i32 = 8;

impl OnCallHours {
    /// Whether they hold.
    pub fn hold(&self, zone: &TimeZone, now: Timestamp) -> bool {
        self.spans(zone, now, 0).any(|(from, until)| from <= now && now < until)
    }

    /// When they next begin or end.
    pub fn next_change(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let ends = self.spans(zone, now, DAYS_AHEAD).flat_map(|(from, until)| [from, until]);
        ends.filter(|at| *at > now).min()
    }

    /// The hours that begin on a day from yesterday to so many days after today.
    fn spans(
        &self,
        zone: &TimeZone,
        now: Timestamp,
        ahead: i32,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = now.to_zoned(zone.clone()).date();
        let days = (-1..=ahead).filter_map(move |days| today.checked_add(days.days()).ok());
        let begins_on = |day: &Date| self.weekdays.is_empty() || self.weekdays.contains(&DayOfWeek::of(*day));
        days.filter(begins_on).filter_map(|day| {
            let last = if self.from < self.until { day } else { day.tomorrow().ok()? };
            let from = zone.to_ambiguous_zoned(day.to_datetime(self.from)).compatible().ok()?.timestamp();
            let until = zone.to_ambiguous_zoned(last.to_datetime(self.until)).later().ok()?.timestamp();
            Some((from, until))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quiet_hours::zone;

    fn hours(weekdays: &[DayOfWeek], from: &str, until: &str) -> OnCallHours {
        OnCallHours {
            weekdays: weekdays.to_vec(),
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(hours: &OnCallHours, now: &str, hold: bool, next: &str) {
        let (zone, now) = (zone("Europe/Berlin").unwrap(), now.parse().unwrap());
        assert_eq!(
            (hours.hold(&zone, now), hours.next_change(&zone, now)),
            (hold, Some(next.parse().unwrap()))
        );
    }

    #[test]
    fn hours_hold_on_their_weekdays() {
        use DayOfWeek::{Fri, Mon, Thu, Tue, Wed};
        let work = hours(&[Mon, Tue, Wed, Thu, Fri], "09:00", "17:00");
        // Friday, 2026-01-16, to Monday.
        check(&work, "2026-01-16T07:59:59Z", false, "2026-01-16T08:00:00Z");
        check(&work, "2026-01-16T08:00:00Z", true, "2026-01-16T16:00:00Z");
        check(&work, "2026-01-16T16:00:00Z", false, "2026-01-19T08:00:00Z");
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
        let night = hours(&[DayOfWeek::Fri], "22:00", "06:00");
        check(&night, "2026-01-16T20:59:59Z", false, "2026-01-16T21:00:00Z");
        check(&night, "2026-01-17T04:59:59Z", true, "2026-01-17T05:00:00Z");
        check(&night, "2026-01-17T05:00:00Z", false, "2026-01-23T21:00:00Z");
        check(&hours(&[], "00:00", "00:00"), "2026-01-16T12:00:00Z", true, "2026-01-16T23:00:00Z");
    }

    #[test]
    fn a_night_in_which_the_clocks_change_is_covered_whole() {
        // Berlin goes back on 2026-10-25: 02:30 is 00:30Z and 01:30Z.
        let early = hours(&[], "00:00", "02:30");
        check(&early, "2026-10-25T00:45:00Z", true, "2026-10-25T01:30:00Z");
        // And forward on 2026-03-29: 02:30 is skipped, and counts as 03:30, 01:30Z.
        let late = hours(&[], "02:30", "05:00");
        check(&late, "2026-03-29T01:29:59Z", false, "2026-03-29T01:30:00Z");
        check(&late, "2026-03-29T01:30:00Z", true, "2026-03-29T03:00:00Z");
    }
}
