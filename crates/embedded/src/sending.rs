//! Whether texts go out of the account. In: notes. Out: the one that holds.
//!
//! Never: replaces a note that its caller has not seen.

use async_trait::async_trait;
use domain::outbound::SendingState;
use ports::{SendingStore, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{document::json, fault::Fault, store::EmbeddedStore};

#[async_trait]
impl SendingStore for EmbeddedStore {
    async fn sending(&self) -> Result<Option<SendingState>, StoreError> {
        let read = |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT doc FROM sending")?;
            let doc: Option<String> = select.query_row([], |row| row.get(0)).optional()?;
            let parse = |doc: String| {
                serde_json::from_str(&doc).map_err(|error| Fault::unreadable("note", "of sending", &error))
            };
            doc.map(parse).transpose()
        };
        Ok(self.readers.read(read).await?)
    }

    async fn note_sending(
        &self,
        noted: Option<&SendingState>,
        new: &SendingState,
    ) -> Result<bool, StoreError> {
        let noted = noted.map(SendingState::name);
        let (name, doc) = (new.name(), json(new, "note", "of sending")?);
        let note = move |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT name FROM sending")?;
            let held: Option<String> = select.query_row([], |row| row.get(0)).optional()?;
            if held.as_ref() == Some(&name) || held != noted {
                return Ok(held.as_ref() == Some(&name));
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO sending (id, name, doc) VALUES (1, ?1, ?2)")?
                .execute(params![name, doc])?;
            Ok(true)
        };
        Ok(self.writer.write(note).await?)
    }
}
