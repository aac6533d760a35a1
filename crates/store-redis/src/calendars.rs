//! The last good copies of calendars. In: calls of the port. Out: two hashes, of what is known and of texts, and a key for
//! each calendar that is being read.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::oncall::copy::CalendarState;
use jiff::{SignedDuration, Timestamp};
use ports::{CalendarStore, StoreError};
use redis::cmd;
use sealing::{Kind, is_sealed};

use crate::{connection::Call, redis_store::RedisStore};

#[async_trait]
impl CalendarStore for RedisStore {
    async fn calendars(&self) -> Result<Vec<CalendarState>, StoreError> {
        let [docs, _] = self.keys.calendars();
        let docs: BTreeMap<String, Vec<u8>> = self.connection.command(cmd("HGETALL").arg(docs)).await?;
        docs.iter().map(|(name, doc)| self.sealed(Kind::Calendar).read(name, doc)).collect()
    }

    async fn calendar_text(&self, schedule: &str, layer: &str) -> Result<Option<String>, StoreError> {
        let ([_, texts], name) = (self.keys.calendars(), name(schedule, layer));
        let text: Option<Vec<u8>> = self.connection.command(cmd("HGET").arg(texts).arg(&name)).await?;
        text.map(|text| self.sealed(Kind::CalendarText).read(&name, &text)).transpose()
    }

    /// The text first: what is known of it must not speak of a text that is not there.
    async fn keep_calendar(&self, state: &CalendarState, text: Option<&str>) -> Result<(), StoreError> {
        let ([docs, texts], name) = (self.keys.calendars(), name(&state.schedule, &state.layer));
        if let Some(text) = text {
            let text = self.sealed(Kind::CalendarText).doc(&name, &text)?;
            let _: u64 = self.connection.command(cmd("HSET").arg(texts).arg(&name).arg(text)).await?;
        }
        let doc = self.sealed(Kind::Calendar).doc(&name, state)?;
        let _: u64 = self.connection.command(cmd("HSET").arg(docs).arg(&name).arg(doc)).await?;
        let _: u64 = self.connection.command(cmd("DEL").arg(self.keys.calendar_taken(&name))).await?;
        Ok(())
    }

    async fn remove_calendar(&self, schedule: &str, layer: &str) -> Result<(), StoreError> {
        let name = name(schedule, layer);
        for key in self.keys.calendars() {
            let _: u64 = self.connection.command(cmd("HDEL").arg(key).arg(&name)).await?;
        }
        let _: u64 = self.connection.command(cmd("DEL").arg(self.keys.calendar_taken(&name))).await?;
        Ok(())
    }

    async fn take_calendar(
        &self,
        schedule: &str,
        layer: &str,
        _now: Timestamp,
        held: SignedDuration,
    ) -> Result<bool, StoreError> {
        let mut take = cmd("SET");
        take.arg(self.keys.calendar_taken(&name(schedule, layer))).arg(self.connection.token());
        take.arg("NX").arg("PX").arg(u64::try_from(held.as_millis()).unwrap_or_default().max(1));
        let taken: Option<String> = self.connection.command(&take).await?;
        Ok(taken.is_some())
    }
}

impl RedisStore {
    /// Seals what was kept of calendars before there was a key: few, and small.
    pub(crate) async fn seal_calendars(&self) -> Result<u64, StoreError> {
        let mut sealed = 0;
        for (key, kind) in self.keys.calendars().into_iter().zip([Kind::Calendar, Kind::CalendarText]) {
            let docs: BTreeMap<String, Vec<u8>> = self.connection.command(cmd("HGETALL").arg(&key)).await?;
            for (name, doc) in docs.into_iter().filter(|(_, doc)| !is_sealed(doc)) {
                let new = self.sealed(kind).seal(&name, doc.clone())?;
                let call = Call::new(&self.scripts.swap_field, vec![key.clone()]).arg(name).arg(doc).arg(new);
                self.connection.call::<()>(call).await?;
                sealed += 1;
            }
        }
        Ok(sealed)
    }
}

fn name(schedule: &str, layer: &str) -> String {
    format!("{schedule}/{layer}")
}
