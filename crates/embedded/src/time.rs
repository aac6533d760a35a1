//! Times as SQLite keeps them. In: timestamps. Out: integers that sort as the times do, and back.
//!
//! Never: makes a due time earlier than it is.

use jiff::Timestamp;

/// Milliseconds, rounded up: what is due is never taken early.
pub(crate) fn ceil_ms(at: Timestamp) -> i64 {
    let nanoseconds = at.as_nanosecond();
    let whole = nanoseconds.div_euclid(1_000_000) + i128::from(nanoseconds.rem_euclid(1_000_000) > 0);
    i64::try_from(whole).unwrap_or(i64::MAX)
}

/// Milliseconds, rounded down.
pub(crate) fn floor_ms(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// Microseconds, rounded down.
pub(crate) fn floor_us(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The time of so many milliseconds.
pub(crate) fn of_ms(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}
