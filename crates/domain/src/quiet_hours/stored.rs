//! How quiet hours are stored. In: what is stored, also by versions that knew one daily window alone. Out: the same.
//!
//! Never: writes what has one daily window otherwise than those versions did, so that its hash stays as it was.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use super::{AfterWait, QuietHours, QuietWindow, WindowsByField};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredQuietHours {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    urgent: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    windows: Vec<QuietWindow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_field: Option<WindowsByField>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    defer_at_most_s: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    then: AfterWait,
}

fn is_default(then: &AfterWait) -> bool {
    *then == AfterWait::default()
}

impl From<StoredQuietHours> for QuietHours {
    fn from(stored: StoredQuietHours) -> Self {
        let StoredQuietHours { start, end, time_zone, urgent, mut windows, by_field, defer_at_most_s, then } =
            stored;
        // One that ends when it starts was never quiet.
        if let (Some(start), Some(end)) = (start, end)
            && start != end
        {
            windows
                .insert(0, QuietWindow { start, end, days: Vec::new(), dates: Vec::new(), calendar: None });
        }
        Self { windows, by_field, time_zone, urgent, defer_at_most_s, then }
    }
}

impl From<QuietHours> for StoredQuietHours {
    fn from(hours: QuietHours) -> Self {
        let QuietHours { mut windows, by_field, time_zone, urgent, defer_at_most_s, then } = hours;
        let is_daily = |window: &QuietWindow| {
            let is_every_day = window.days.is_empty() && window.dates.is_empty() && window.calendar.is_none();
            is_every_day && window.start != window.end
        };
        let daily = windows.first().is_some_and(is_daily).then(|| windows.remove(0));
        let (start, end) = daily.map(|window| (window.start, window.end)).unzip();
        Self { start, end, time_zone, urgent, windows, by_field, defer_at_most_s, then }
    }
}
