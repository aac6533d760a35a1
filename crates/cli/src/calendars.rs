//! Calendars of on-call shifts. In: what is configured, the store, files and servers. Out: copies in the store, and shifts in
//! force in this process.
//!
//! Never: ends the process because a calendar or the store is away; what was in force stays.

use std::{collections::BTreeMap, sync::Arc};

use config::{CalendarUrl, Secrets};
use destinations::CalendarClient;
use jiff::SignedDuration;
use ports::Clock;
use runtime::{CalendarReading, RunService};
use tokio_util::sync::CancellationToken;
use url::Url;

/// How often this process looks whether a calendar is due, and whether another has read one.
const EVERY: SignedDuration = SignedDuration::from_secs(5);

/// What reads calendars, of the addresses that secrets hold.
pub(crate) fn client(secrets: &Secrets) -> anyhow::Result<Arc<CalendarClient>> {
    Ok(Arc::new(CalendarClient::new(urls(secrets))?))
}

/// The addresses of calendars, by the variables that hold them.
pub(crate) fn urls(secrets: &Secrets) -> BTreeMap<String, Url> {
    secrets.calendars.iter().map(|(name, CalendarUrl(url))| (name.clone(), url.clone())).collect()
}

/// Takes what other processes read into force, and reads what is due where this process does that, until it is told to stop.
pub(crate) async fn follow(
    runs: Arc<RunService>,
    reading: Option<CalendarReading>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    while !shutdown.is_cancelled() {
        if let Some(reading) = &reading
            && let Some(Err(error)) = shutdown.run_until_cancelled(reading.read_due()).await
        {
            tracing::debug!(%error, "calendars could not be read: the store is away");
        }
        if let Err(error) = runs.refresh_calendars().await {
            tracing::debug!(%error, "copies of calendars could not be read");
        }
        shutdown.run_until_cancelled(clock.sleep_until(clock.now() + EVERY)).await;
    }
    Ok(())
}
