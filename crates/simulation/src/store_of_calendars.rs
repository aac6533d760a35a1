//! The last good copies of calendars, in memory. In: calls of the port. Out: what was kept.

use async_trait::async_trait;
use domain::oncall::copy::CalendarState;
use jiff::{SignedDuration, Timestamp};
use ports::{CalendarStore, StoreError};

use crate::store::MemoryStore;

#[async_trait]
impl CalendarStore for MemoryStore {
    async fn calendars(&self) -> Result<Vec<CalendarState>, StoreError> {
        Ok(self.state().calendars.values().filter_map(|kept| kept.state.clone()).collect())
    }

    async fn calendar_text(&self, schedule: &str, layer: &str) -> Result<Option<String>, StoreError> {
        Ok(self.state().calendars.get(&name(schedule, layer)).and_then(|kept| kept.text.clone()))
    }

    async fn keep_calendar(&self, state: &CalendarState, text: Option<&str>) -> Result<(), StoreError> {
        let kept = &mut self.state().calendars;
        let kept = kept.entry(name(&state.schedule, &state.layer)).or_default();
        kept.state = Some(state.clone());
        kept.text = text.map(str::to_owned).or(kept.text.take());
        kept.taken_until = None;
        Ok(())
    }

    async fn remove_calendar(&self, schedule: &str, layer: &str) -> Result<(), StoreError> {
        self.state().calendars.remove(&name(schedule, layer));
        Ok(())
    }

    async fn take_calendar(
        &self,
        schedule: &str,
        layer: &str,
        now: Timestamp,
        held: SignedDuration,
    ) -> Result<bool, StoreError> {
        let kept = &mut self.state().calendars;
        let kept = kept.entry(name(schedule, layer)).or_default();
        let is_free = kept.taken_until.is_none_or(|until| until <= now);
        if is_free {
            kept.taken_until = Some(now + held);
        }
        Ok(is_free)
    }
}

fn name(schedule: &str, layer: &str) -> (String, String) {
    (schedule.to_owned(), layer.to_owned())
}
