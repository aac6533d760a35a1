//! Silences. In: calls of the port. Out: rows.

use async_trait::async_trait;
use domain::{
    silence::Silence,
    time::{ceil_ms, floor_ms},
};
use jiff::Timestamp;
use ports::{SilenceStore, StoreError};
use rusqlite::{Connection, params};

use crate::{document::json, read, store::EmbeddedStore};

#[async_trait]
impl SilenceStore for EmbeddedStore {
    async fn silences(&self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        let read = move |connection: &Connection| {
            let sql = "SELECT doc FROM silence WHERE until_ms > ?1 ORDER BY id";
            read::documents(connection, sql, [floor_ms(now)], "silence")
        };
        Ok(self.readers.read(read).await?)
    }

    async fn add_silence(&self, silence: &Silence, now: Timestamp) -> Result<(), StoreError> {
        let (id, until, doc) =
            (silence.id(), ceil_ms(silence.until), json(silence, "silence", &silence.id())?);
        let add = move |connection: &Connection| {
            connection
                .prepare_cached("DELETE FROM silence WHERE until_ms <= ?1")?
                .execute([floor_ms(now)])?;
            connection
                .prepare_cached("INSERT OR IGNORE INTO silence (id, until_ms, doc) VALUES (?1, ?2, ?3)")?
                .execute(params![id, until, doc])?;
            Ok(())
        };
        Ok(self.writer.write(add).await?)
    }

    async fn remove_silence(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let remove = move |connection: &Connection| {
            Ok(connection.prepare_cached("DELETE FROM silence WHERE id = ?1")?.execute([&id])? > 0)
        };
        Ok(self.writer.write(remove).await?)
    }
}
