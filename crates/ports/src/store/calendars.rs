//! The last good copies of calendars. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::oncall::copy::CalendarState;
use jiff::{SignedDuration, Timestamp};

use super::values::StoreError;

/// The last good copies of calendars, one for each layer of a schedule at most.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait CalendarStore: Send + Sync {
    /// What is known of each calendar, by schedule and layer.
    async fn calendars(&self) -> Result<Vec<CalendarState>, StoreError>;

    /// The text of the copy of a calendar. Read after [`CalendarStore::calendars`], it may be a newer one.
    async fn calendar_text(&self, schedule: &str, layer: &str) -> Result<Option<String>, StoreError>;

    /// Keeps what is known of a calendar and, where there is a new copy, its text, instead of what was kept before. Others
    /// may read it again then.
    async fn keep_calendar(&self, state: &CalendarState, text: Option<&str>) -> Result<(), StoreError>;

    /// Forgets a calendar.
    async fn remove_calendar(&self, schedule: &str, layer: &str) -> Result<(), StoreError>;

    /// Whether the caller may read a calendar now: for so long nobody else may, unless the caller has kept it. A process that
    /// dies meanwhile holds others up for that long. After an error the call that got it may say that it did not.
    async fn take_calendar(
        &self,
        schedule: &str,
        layer: &str,
        now: Timestamp,
        held: SignedDuration,
    ) -> Result<bool, StoreError>;
}
