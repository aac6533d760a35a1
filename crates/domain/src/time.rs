//! Moments a while before or after another. In: a moment and a duration. Out: a moment.
//!
//! Never: panics at the ends of time; there the end itself is the answer, where plain arithmetic would take the worker down.

use jiff::{SignedDuration, Timestamp};

/// The moment `wait` after `at`, or the last there is.
pub(crate) fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    let end = if wait.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(wait).unwrap_or(end)
}

/// The moment so many seconds after `at`, or the last there is.
pub(crate) fn after_s(at: Timestamp, wait_s: impl Into<i64>) -> Timestamp {
    after(at, SignedDuration::from_secs(wait_s.into()))
}

/// The moment so many milliseconds after `at`, or the last there is.
pub(crate) fn after_ms(at: Timestamp, wait_ms: i64) -> Timestamp {
    after(at, SignedDuration::from_millis(wait_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_hold() {
        assert_eq!(after_s(Timestamp::MAX, 1), Timestamp::MAX);
        assert_eq!(after_s(Timestamp::MIN, -1), Timestamp::MIN);
        assert_eq!(after_s(Timestamp::MIN, i64::MAX), Timestamp::MAX);
        assert_eq!(after_ms(Timestamp::MAX, i64::MIN), Timestamp::MIN);
        assert_eq!(after_ms(Timestamp::UNIX_EPOCH, 1_500).as_millisecond(), 1_500);
    }
}
