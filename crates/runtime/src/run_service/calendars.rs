//! Calendars in force. In: the copies of the store, read from time to time. Out: the shifts that the directory has.
//!
//! Never: reads a calendar where it is kept, or the store for one text: a copy is in force within seconds of being taken.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use domain::directory::Directory;
use jiff::Timestamp;

use super::{
    RunService,
    calendar_texts::{Copy, aside, meant},
};
use crate::error::RoleError;

/// Shifts are worked out anew after so many seconds, for the time that is looked at goes on.
const AGAIN_S: i64 = 6 * 3_600;

impl RunService {
    /// Takes the calendars of the store into force. Until it answers, those known before hold.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn refresh_calendars(&self) -> Result<(), RoleError> {
        let directory = self.directory();
        if directory.calendars.is_empty() {
            return Ok(());
        }
        let mut is_new = self.has_old_shifts(&directory);
        for state in self.ports.calendars.calendars().await? {
            let key = (state.schedule, state.layer);
            let Some(copy) = state.copy.filter(|_| directory.calendars.contains_key(&key)) else { continue };
            if self.has_copy(&key, &copy.digest) {
                continue;
            }
            let Some(text) = self.ports.calendars.calendar_text(&key.0, &key.1).await? else { continue };
            let copy = Copy { digest: copy.digest, text: text.into() };
            self.calendars.write().unwrap_or_else(PoisonError::into_inner).by_layer.insert(key, copy);
            is_new = true;
        }
        if is_new {
            let filled = Arc::new(self.with_shifts(Directory::clone(&directory)).await);
            let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
            // A reload that came between has filled its own.
            if Arc::ptr_eq(&in_force.directory, &directory) {
                in_force.directory = filled;
            }
        }
        Ok(())
    }

    fn has_copy(&self, key: &(String, String), digest: &str) -> bool {
        let texts = self.calendars.read().unwrap_or_else(PoisonError::into_inner);
        texts.by_layer.get(key).is_some_and(|copy| copy.digest == digest)
    }

    fn has_old_shifts(&self, directory: &Directory) -> bool {
        let texts = self.calendars.read().unwrap_or_else(PoisonError::into_inner);
        texts.slice != self.now().as_second().div_euclid(AGAIN_S)
            || directory.calendars.values().any(|calendar| calendar.shifts.is_none())
    }

    /// The same with the shifts of the copies that are known; of a calendar without one it has none.
    pub(super) async fn with_shifts(&self, directory: Directory) -> Directory {
        if directory.calendars.is_empty() {
            return directory;
        }
        let (now, texts) = (self.now(), self.texts());
        let filled = aside(move || filled(directory, &texts, now)).await;
        let mut texts = self.calendars.write().unwrap_or_else(PoisonError::into_inner);
        texts.slice = now.as_second().div_euclid(AGAIN_S);
        filled
    }

    fn texts(&self) -> BTreeMap<(String, String), Arc<str>> {
        let texts = self.calendars.read().unwrap_or_else(PoisonError::into_inner);
        texts.by_layer.iter().map(|(key, copy)| (key.clone(), Arc::clone(&copy.text))).collect()
    }
}

fn filled(
    mut directory: Directory,
    texts: &BTreeMap<(String, String), Arc<str>>,
    now: Timestamp,
) -> Directory {
    for (key, calendar) in &mut directory.calendars {
        let shifts = texts.get(key).and_then(|text| {
            let read = meant(text, calendar, &directory.contacts, now);
            // It could be read when it was taken; what differs is this version of callout.
            read.inspect_err(|error| tracing::error!(?key, %error, "the copy of a calendar cannot be used"))
                .ok()
        });
        calendar.shifts = Some(Arc::new(shifts.unwrap_or_default().shifts));
    }
    directory
}
