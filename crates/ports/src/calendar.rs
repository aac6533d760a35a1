//! Where calendars are read. A port: it is implemented where files and servers are.

use async_trait::async_trait;
use domain::directory::CalendarSource;

/// What was read of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarFetched {
    /// It is as it was when the server gave it that name.
    Same,
    /// It is this.
    Text {
        /// The text, not longer than [`domain::limits::CALENDAR_BYTES_MAX`].
        text: String,
        /// What the server calls it.
        etag: Option<String>,
    },
}

/// Reads calendars.
#[async_trait]
pub trait CalendarReader: Send + Sync {
    /// A digest of where a calendar is read, which tells two places apart and reveals none.
    fn origin(&self, source: &CalendarSource) -> String;

    /// Reads a calendar, within a minute. `etag` is what the server called the copy that is there.
    ///
    /// # Errors
    /// What went wrong, without the address, which is a secret.
    async fn read(&self, source: &CalendarSource, etag: Option<&str>) -> Result<CalendarFetched, String>;
}
