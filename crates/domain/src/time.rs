//! Arithmetic on times: waits, and whole milliseconds and microseconds as stores keep them. In: times and durations.
//! Out: times and numbers.
//!
//! Never: panics or fails at the ends of time. There the end itself is the answer; plain arithmetic would panic.

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

/// The time `wait` after `at`, or the end of time.
pub fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    let end = if wait.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(wait).unwrap_or(end)
}

/// The time so many seconds after `at`, or the end of time.
pub fn after_s(at: Timestamp, wait_s: impl Into<i64>) -> Timestamp {
    after(at, SignedDuration::from_secs(wait_s.into()))
}

/// The time so many milliseconds after `at`, or the end of time.
pub fn after_ms(at: Timestamp, wait_ms: i64) -> Timestamp {
    after(at, SignedDuration::from_millis(wait_ms))
}

/// A moment that a person names: as a time with its zone, or as how long ago it was, `2h`.
pub fn time_or_ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let ago: Span = text.parse().ok()?;
    Some(now.to_zoned(TimeZone::UTC).checked_sub(ago).ok()?.timestamp())
}

/// Milliseconds since 1970, rounded up: what is due is never taken early.
pub fn ceil_ms(at: Timestamp) -> i64 {
    let milliseconds = at.as_millisecond();
    let rest = at.as_nanosecond() - i128::from(milliseconds) * 1_000_000;
    milliseconds + i64::from(rest > 0)
}

/// Milliseconds since 1970, rounded down.
pub fn floor_ms(at: Timestamp) -> i64 {
    floor_us(at).div_euclid(1_000)
}

/// Microseconds since 1970, rounded down.
pub fn floor_us(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The time so many milliseconds after 1970, or the end of time.
pub fn of_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// The time so many microseconds after 1970, or the end of time.
pub fn of_us(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago_it_was() {
        let now: Timestamp = "2026-01-31T09:30:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-01-31T08:00:00+01:00", Some("2026-01-31T07:00:00Z")),
            ("2h", Some("2026-01-31T07:30:00Z")),
            ("3d", Some("2026-01-28T09:30:00Z")),
            ("yesterday", None),
            ("2026-01-31", None),
            ("", None),
        ] {
            assert_eq!(time_or_ago(text, now), expected.map(|time| time.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_hold() {
        assert_eq!(after_s(Timestamp::MAX, 1), Timestamp::MAX);
        assert_eq!(after_s(Timestamp::MIN, -1), Timestamp::MIN);
        assert_eq!(after_s(Timestamp::MIN, i64::MAX), Timestamp::MAX);
        assert_eq!(after_ms(Timestamp::MAX, i64::MIN), Timestamp::MIN);
        assert_eq!(after_ms(Timestamp::UNIX_EPOCH, 1_500).as_millisecond(), 1_500);
        assert_eq!((of_ms(i64::MAX), of_us(i64::MAX)), (Timestamp::MAX, Timestamp::MAX));
    }

    #[test]
    fn a_due_time_is_rounded_up_and_others_down_before_1970_too() {
        let at = |nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap();
        let rounded =
            |nanoseconds| (ceil_ms(at(nanoseconds)), floor_ms(at(nanoseconds)), floor_us(at(nanoseconds)));
        assert_eq!(rounded(1_000_001), (2, 1, 1_000));
        assert_eq!(rounded(2_000_000), (2, 2, 2_000));
        assert_eq!(rounded(-1_000_001), (-1, -2, -1_001));
        assert_eq!((of_ms(-2), of_us(2_000)), (at(-2_000_000), at(2_000_000)));
    }
}
