//! A calendar as the store in memory keeps it. In: nothing. Out: the value.

use domain::oncall::copy::CalendarState;
use jiff::Timestamp;

/// A calendar as it is kept.
#[derive(Default)]
pub(crate) struct KeptCalendar {
    pub(crate) state: Option<CalendarState>,
    pub(crate) text: Option<String>,
    pub(crate) taken_until: Option<Timestamp>,
}
