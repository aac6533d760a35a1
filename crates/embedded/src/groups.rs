//! What is remembered of texts that belong together. In: calls of the port. Out: rows, by the hash of their group.
//!
//! Never: replaces a group that its caller has not seen.

use async_trait::async_trait;
use domain::{
    group::{Group, GroupKey},
    time::{ceil_ms, floor_ms},
};
use jiff::Timestamp;
use ports::{GroupStore, StoreError, Versioned};
use rusqlite::{Connection, OptionalExtension as _, params};
use sealing::Lookup;

use crate::{document::json, fault::Fault, store::EmbeddedStore};

#[async_trait]
impl GroupStore for EmbeddedStore {
    async fn group(&self, key: &GroupKey) -> Result<Option<Versioned<Group>>, StoreError> {
        let key = self.state.sealer.index(Lookup::Group, key.as_str());
        let read = move |connection: &Connection| {
            let mut select =
                connection.prepare_cached("SELECT version, doc FROM text_group WHERE key = ?1")?;
            let row = |row: &rusqlite::Row<'_>| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, String>(1)?))
            };
            let Some((version, doc)) = select.query_row([&key], row).optional()? else { return Ok(None) };
            let value =
                serde_json::from_str(&doc).map_err(|error| Fault::unreadable("group", &key, &error))?;
            Ok(Some(Versioned { value, version }))
        };
        Ok(self.readers.read(read).await?)
    }

    async fn keep_group(
        &self,
        key: &GroupKey,
        group: &Group,
        version: u64,
        kept_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = self.state.sealer.index(Lookup::Group, key.as_str());
        let (doc, until, now) = (json(group, "group", &key)?, ceil_ms(kept_until), floor_ms(now));
        let keep = move |connection: &Connection| {
            let mut select =
                connection.prepare_cached("SELECT version, doc FROM text_group WHERE key = ?1")?;
            let row = |row: &rusqlite::Row<'_>| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, String>(1)?))
            };
            let (held, known) = select.query_row([&key], row).optional()?.unwrap_or_default();
            if held != version {
                return Ok(held == version + 1 && known == doc);
            }
            if version == 0 {
                connection.prepare_cached("DELETE FROM text_group WHERE until_ms <= ?1")?.execute([now])?;
            }
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO text_group (key, version, until_ms, doc) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![key, version.cast_signed() + 1, until, doc])?;
            Ok(true)
        };
        Ok(self.writer.write(keep).await?)
    }
}
