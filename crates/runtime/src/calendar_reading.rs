//! Reads calendars where they are kept. In: what is configured and what the store has. Out: newer copies in the store.
//!
//! Never: gives up a good copy for nothing. A process that dies while it reads holds others up for a minute.

use std::{sync::Arc, time::Duration};

use domain::{
    directory::{Calendar, Directory},
    id::short,
    limits::CALENDAR_LEASE_S,
    oncall::copy::{CalendarCopy, CalendarRead, CalendarState},
};
use jiff::{SignedDuration, Timestamp};
use ports::{CalendarFetched, CalendarReader, CalendarStore, Clock, within};

use crate::{
    error::RoleError,
    run_service::{RunService, meant_aside},
};

/// How long one reading may take: less than others are held up for.
const READ_MAX: Duration = Duration::from_secs(45);
const _: () = assert!(READ_MAX.as_secs() < CALENDAR_LEASE_S as u64);

/// What reading calendars takes.
pub struct CalendarReading {
    /// The configuration in force.
    pub runs: Arc<RunService>,
    /// The copies.
    pub store: Arc<dyn CalendarStore>,
    /// Where calendars are read.
    pub reader: Arc<dyn CalendarReader>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl CalendarReading {
    /// Reads the calendars that are due and that no other process reads. Returns how many were tried.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn read_due(&self) -> Result<usize, RoleError> {
        let directory = self.runs.directory();
        if directory.calendars.is_empty() {
            return Ok(0);
        }
        let (states, mut tried) = (self.store.calendars().await?, 0);
        for ((schedule, layer), calendar) in &directory.calendars {
            let (origin, now) = (self.reader.origin(&calendar.source), self.clock.now());
            let held = SignedDuration::from_secs(CALENDAR_LEASE_S);
            let due = |states: &[CalendarState]| {
                state_of(states, schedule, layer, &origin).due(&origin, calendar.refresh_s)
            };
            if now < due(&states) || !self.store.take_calendar(schedule, layer, now, held).await? {
                continue;
            }
            // Another process may have read it between.
            let states = self.store.calendars().await?;
            if now < due(&states) {
                continue;
            }
            let state = state_of(&states, schedule, layer, &origin);
            self.read(&directory, calendar, state, &origin).await?;
            tried += 1;
        }
        Ok(tried)
    }

    async fn read(
        &self,
        directory: &Arc<Directory>,
        calendar: &Calendar,
        mut state: CalendarState,
        origin: &str,
    ) -> Result<(), RoleError> {
        let etag =
            state.copy.as_ref().filter(|_| state.origin == origin).and_then(|copy| copy.etag.as_deref());
        let reading = self.reader.read(&calendar.source, etag);
        let fetched = within(&*self.clock, READ_MAX, reading).await;
        let now = self.clock.now();
        let fetched = fetched.unwrap_or_else(|| Err(format!("no answer within {} s", READ_MAX.as_secs())));
        let shifts = |text: &str| meant_aside(text.into(), calendar, directory, now);
        let ahead = match self.store.calendar_text(&state.schedule, &state.layer).await? {
            Some(kept) => shifts(&kept).await.map_or(0, |meant| meant.shifts.ahead(now)),
            None => 0,
        };
        let (read, text) = match fetched {
            Ok(CalendarFetched::Same) => (CalendarRead::Same, None),
            Ok(CalendarFetched::Text { text, etag }) => match shifts(&text).await {
                Ok(meant) => {
                    let copy = CalendarCopy {
                        digest: short(&[&text]),
                        etag,
                        read_at: now,
                        bytes: text.len() as u64,
                        shifts: u32::try_from(meant.shifts.ahead(now)).unwrap_or(u32::MAX),
                        not_taken: meant.not_taken,
                        passed_over: meant.passed_over,
                    };
                    (CalendarRead::Copy(copy), Some(text))
                }
                Err(why) => (CalendarRead::Failed(why), None),
            },
            Err(why) => (CalendarRead::Failed(why), None),
        };
        let before = state.clone();
        let is_replaced = state.tried(read, origin, ahead, now);
        self.store.keep_calendar(&state, text.as_deref().filter(|_| is_replaced)).await?;
        say(&before, &state, now);
        Ok(())
    }
}

fn state_of(states: &[CalendarState], schedule: &str, layer: &str, origin: &str) -> CalendarState {
    let known = states.iter().find(|state| state.schedule == schedule && state.layer == layer);
    known.cloned().unwrap_or_else(|| CalendarState::new(schedule, layer, origin))
}

/// Says what changed. A failure that goes on is said once; the status and a metric keep saying it.
fn say(before: &CalendarState, state: &CalendarState, now: Timestamp) {
    let CalendarState { schedule, layer, .. } = state;
    match (&state.error, &state.copy) {
        (Some(error), _) if before.error.as_ref() == Some(error) => {}
        (Some(error), Some(copy)) => {
            let age_s = now.duration_since(copy.read_at).as_secs();
            tracing::warn!(
                schedule,
                layer,
                error,
                age_s,
                "the calendar could not be taken; its last good copy stays in force"
            );
        }
        (Some(error), None) => {
            tracing::error!(
                schedule,
                layer,
                error,
                "the calendar could not be taken, and there is no copy of it"
            );
        }
        (None, Some(copy)) => {
            let is_new = before.copy.as_ref().is_none_or(|old| old.digest != copy.digest);
            if is_new || before.error.is_some() {
                let (shifts, not_taken) = (copy.shifts, copy.not_taken.len());
                let passed_over = copy.passed_over.len();
                tracing::info!(schedule, layer, shifts, not_taken, passed_over, "the calendar was taken");
            }
        }
        (None, None) => {}
    }
}
