//! Whether the database takes writes. In: nothing. Out: why not.

use async_trait::async_trait;
use ports::{Dependency, StoreError};
use rusqlite::params;

use crate::store::EmbeddedStore;

/// What is written and taken back needs so many bytes: more than a page, as an event may.
const ROOM_BYTES: u32 = 8_192;
/// The name of what is written; no workflow has it.
const NAME: &str = "check";

#[async_trait]
impl Dependency for EmbeddedStore {
    /// Inserts a row and deletes it again in one transaction, which is written to the log and needs room in the file.
    async fn check(&self) -> Result<(), String> {
        let check = |connection: &rusqlite::Connection| {
            connection
                .prepare_cached("INSERT INTO workflow (hash, doc) VALUES (?1, zeroblob(?2))")?
                .execute(params![NAME, ROOM_BYTES])?;
            connection.prepare_cached("DELETE FROM workflow WHERE hash = ?1")?.execute([NAME])?;
            Ok(())
        };
        self.writer.write(check).await.map_err(|fault| StoreError::from(fault).to_string())
    }
}
