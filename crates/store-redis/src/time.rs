//! Times as Redis keeps them: scores, exact up to 2^53. In: timestamps. Out: integers that sort as the times do.
//!
//! Never: makes a due time earlier than it is.

use jiff::Timestamp;

/// Milliseconds, rounded up: what is due is never taken early.
pub(crate) fn ceil_ms(at: Timestamp) -> i64 {
    let milliseconds = at.as_millisecond();
    let rest = at.as_nanosecond() - i128::from(milliseconds) * 1_000_000;
    milliseconds + i64::from(rest > 0)
}

/// Milliseconds, rounded down.
pub(crate) fn floor_ms(at: Timestamp) -> i64 {
    floor_us(at).div_euclid(1_000)
}

/// Microseconds, rounded down.
pub(crate) fn floor_us(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The time of so many milliseconds.
pub(crate) fn of_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// The time of so many microseconds.
pub(crate) fn of_us(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
}
