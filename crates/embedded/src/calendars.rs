//! The last good copies of calendars. In: calls of the port. Out: rows.

use async_trait::async_trait;
use domain::{
    oncall::copy::CalendarState,
    time::{ceil_ms, floor_ms},
};
use jiff::{SignedDuration, Timestamp};
use ports::{CalendarStore, StoreError};
use rusqlite::{Connection, params};
use sealing::Kind;

use crate::{document::Sealed, read, store::EmbeddedStore};

#[async_trait]
impl CalendarStore for EmbeddedStore {
    async fn calendars(&self) -> Result<Vec<CalendarState>, StoreError> {
        let sealer = self.sealer();
        let read = move |connection: &Connection| {
            let sql = "SELECT name, doc FROM calendar WHERE doc IS NOT NULL ORDER BY name";
            read::sealed(connection, Sealed::new(&sealer, Kind::Calendar), sql, [])
        };
        Ok(self.readers.read(read).await?)
    }

    async fn calendar_text(&self, schedule: &str, layer: &str) -> Result<Option<String>, StoreError> {
        let (name, sealer) = (name(schedule, layer), self.sealer());
        let read = move |connection: &Connection| {
            let sql = "SELECT name, copy FROM calendar WHERE name = ?1 AND copy IS NOT NULL";
            let found = read::sealed(connection, Sealed::new(&sealer, Kind::CalendarText), sql, [&name])?;
            Ok(found.into_iter().next())
        };
        Ok(self.readers.read(read).await?)
    }

    async fn keep_calendar(&self, state: &CalendarState, text: Option<&str>) -> Result<(), StoreError> {
        let name = name(&state.schedule, &state.layer);
        let doc = Sealed::new(&self.state.sealer, Kind::Calendar).doc(&name, state)?;
        let of_text = Sealed::new(&self.state.sealer, Kind::CalendarText);
        let copy = text.map(|text| of_text.doc(&name, &text)).transpose()?;
        let keep = move |connection: &Connection| {
            let sql = "INSERT INTO calendar (name, doc, copy) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (name) DO UPDATE SET doc = ?2, copy = coalesce(?3, copy), taken_until_ms = 0";
            connection.prepare_cached(sql)?.execute(params![name, doc, copy])?;
            Ok(())
        };
        Ok(self.writer.write(keep).await?)
    }

    async fn remove_calendar(&self, schedule: &str, layer: &str) -> Result<(), StoreError> {
        let name = name(schedule, layer);
        let remove = move |connection: &Connection| {
            connection.prepare_cached("DELETE FROM calendar WHERE name = ?1")?.execute([&name])?;
            Ok(())
        };
        Ok(self.writer.write(remove).await?)
    }

    async fn take_calendar(
        &self,
        schedule: &str,
        layer: &str,
        now: Timestamp,
        held: SignedDuration,
    ) -> Result<bool, StoreError> {
        let (name, until) = (name(schedule, layer), now.checked_add(held).unwrap_or(Timestamp::MAX));
        let take = move |connection: &Connection| {
            let sql = "INSERT INTO calendar (name, taken_until_ms) VALUES (?1, ?2) \
                       ON CONFLICT (name) DO UPDATE SET taken_until_ms = ?2 WHERE taken_until_ms <= ?3";
            let taken =
                connection.prepare_cached(sql)?.execute(params![name, ceil_ms(until), floor_ms(now)])?;
            Ok(taken > 0)
        };
        Ok(self.writer.write(take).await?)
    }
}

fn name(schedule: &str, layer: &str) -> String {
    format!("{schedule}/{layer}")
}
