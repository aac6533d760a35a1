//! Calendars of a simulation. In: the configuration, and from when to when events come. Out: the same with the shifts of its
//! calendars, and what is to be known of those.
//!
//! Never: reads a feed where it is kept: of one behind an address the last good copy counts.

use std::{path::Path, sync::Arc};

use config::Config;
use control::{Answer, Request};
use domain::directory::CalendarSource;
use jiff::{SignedDuration, Timestamp};
use runtime::meant_between;

use crate::control_client::{ControlClient, UNEXPECTED_ANSWER};

/// A run goes on for a while after its event.
const AFTER: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Gives each calendar the shifts from the first event to some time after the last. Returns what is not as it would be.
pub(crate) async fn fill(config: &mut Config, file: &Path, first: Timestamp, last: Timestamp) -> Vec<String> {
    let directory = &mut config.directory;
    let is_feed = |source: &CalendarSource| matches!(source, CalendarSource::UrlIn { .. });
    let has_feed = directory.calendars.values().any(|calendar| is_feed(&calendar.source));
    let client = if has_feed { ControlClient::open(file).await } else { Err(anyhow::anyhow!("")) };
    let (until, mut notes) = (last.checked_add(AFTER).unwrap_or(last), Vec::new());
    for ((schedule, layer), calendar) in &mut directory.calendars {
        let text = match (&calendar.source, &client) {
            (CalendarSource::File(path), _) => destinations::read_calendar_file(path),
            (CalendarSource::UrlIn { .. }, Ok(client)) => copy_of(client, schedule, layer).await,
            (CalendarSource::UrlIn { .. }, Err(error)) => {
                Err(format!("it is behind an address, and its copy is in the store: {error:#}"))
            }
        };
        match text.and_then(|text| meant_between(&text, calendar, &directory.contacts, first, until)) {
            Ok(meant) => calendar.shifts = Some(Arc::new(meant.shifts)),
            Err(why) => notes.push(format!(
                "the calendar of {schedule}/{layer} puts nobody on call in this simulation, only the rotations of its layer \
                 do: {why}"
            )),
        }
    }
    if let Ok(client) = client {
        client.close().await;
    }
    notes
}

async fn copy_of(client: &ControlClient, schedule: &str, layer: &str) -> Result<String, String> {
    let request = Request::ReadCalendarCopy { schedule: schedule.to_owned(), layer: layer.to_owned() };
    match client.execute("", request).await {
        Ok(Answer::CalendarCopy { text: Some(text) }) => Ok(text),
        Ok(Answer::CalendarCopy { text: None }) => Err("it was not read yet: there is no copy".to_owned()),
        Ok(_) => Err(UNEXPECTED_ANSWER.to_owned()),
        Err(error) => Err(format!("its copy cannot be read: {error:#}")),
    }
}
