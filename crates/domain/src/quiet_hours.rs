//! Quiet hours in the recipient's own time zone.
//!
//! In: a window of local time, a zone and an instant. Out: whether it is quiet, and when that ends.
//! Never: uses the server's zone. Daylight-saving changes are resolved by the zone's rules.

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A daily window of local time in which texts wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// When it begins, local time.
    pub start: Time,
    /// When it ends, local time; before `start` when it spans midnight.
    pub end: Time,
    /// The zone used when a recipient's is not known.
    pub time_zone: String,
    /// Texts of this workflow are urgent: they go out all the same, and the decision says so.
    pub urgent: bool,
}

impl QuietHours {
    /// When the quiet window that holds at `now` ends, or `None` when it is not quiet.
    ///
    /// On the night the clocks go back, a window lasts from the first time its start comes to the last time its end
    /// does. A local time that a daylight-saving change skips is moved forward with the clock.
    pub fn quiet_until(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        if self.start == self.end {
            return None;
        }
        let today = now.to_zoned(zone.clone()).date();
        [today.yesterday(), Ok(today)].into_iter().flatten().find_map(|day| {
            let last = if self.start < self.end { day } else { day.tomorrow().ok()? };
            let start = zone.to_ambiguous_zoned(day.to_datetime(self.start)).compatible().ok()?.timestamp();
            let end = zone.to_ambiguous_zoned(last.to_datetime(self.end)).later().ok()?.timestamp();
            (start <= now && now < end).then_some(end)
        })
    }
}

/// The zone with this IANA name, from the tables built into the program.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(start: &str, end: &str) -> QuietHours {
        QuietHours {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
            time_zone: "UTC".into(),
            urgent: false,
        }
    }

    #[track_caller]
    fn check(hours: &QuietHours, zone_name: &str, now: &str, until: Option<&str>) {
        let until = until.map(|text| text.parse::<Timestamp>().unwrap());
        assert_eq!(hours.quiet_until(&zone(zone_name).unwrap(), now.parse().unwrap()), until);
    }

    #[test]
    fn a_window_over_midnight_ends_the_next_morning() {
        let hours = quiet("21:00", "08:00");
        check(&hours, "America/New_York", "2026-01-15T03:00:00Z", Some("2026-01-15T13:00:00Z"));
        check(&hours, "America/New_York", "2026-01-15T12:59:59Z", Some("2026-01-15T13:00:00Z"));
        check(&hours, "America/New_York", "2026-01-15T13:00:00Z", None);
        check(&hours, "America/New_York", "2026-01-16T01:59:59Z", None);
    }

    #[test]
    fn a_window_within_a_day_ends_the_same_day() {
        let hours = quiet("12:00", "14:00");
        check(&hours, "Europe/Berlin", "2026-07-01T10:30:00Z", Some("2026-07-01T12:00:00Z"));
        check(&hours, "Europe/Berlin", "2026-07-01T12:00:00Z", None);
    }

    #[test]
    fn c2_the_hour_that_comes_twice_is_quiet_both_times() {
        let hours = quiet("00:00", "01:30");
        // New York, 2026-11-01: 01:15 is 05:15Z and 06:15Z.
        for now in ["2026-11-01T05:15:00Z", "2026-11-01T05:45:00Z", "2026-11-01T06:15:00Z"] {
            check(&hours, "America/New_York", now, Some("2026-11-01T06:30:00Z"));
        }
        check(&hours, "America/New_York", "2026-11-01T06:30:00Z", None);
        check(
            &quiet("21:00", "01:30"),
            "America/New_York",
            "2026-11-01T06:15:00Z",
            Some("2026-11-01T06:30:00Z"),
        );
        check(
            &quiet("01:30", "06:00"),
            "America/New_York",
            "2026-11-01T06:15:00Z",
            Some("2026-11-01T11:00:00Z"),
        );
        // What was announced in the skipped hour holds until then.
        check(
            &quiet("21:00", "02:30"),
            "America/New_York",
            "2026-03-08T07:10:00Z",
            Some("2026-03-08T07:30:00Z"),
        );
    }

    #[test]
    fn clock_changes_move_the_end_with_the_local_clock() {
        let hours = quiet("21:00", "08:00");
        // New York springs forward on 2026-03-08: 08:00 is 12:00Z, the day before it was 13:00Z.
        check(&hours, "America/New_York", "2026-03-08T05:00:00Z", Some("2026-03-08T12:00:00Z"));
        // It falls back on 2026-11-01.
        check(&hours, "America/New_York", "2026-11-01T04:00:00Z", Some("2026-11-01T13:00:00Z"));
        // An end inside the hour that is skipped moves forward with the clock.
        check(
            &quiet("21:00", "02:30"),
            "America/New_York",
            "2026-03-08T05:00:00Z",
            Some("2026-03-08T07:30:00Z"),
        );
    }
}
