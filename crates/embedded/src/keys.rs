//! The keys that documents are sealed with. In: the key file, and what the database has. Out: what seals and opens.
//!
//! Never: leaves a document that is sealed with keys which are not on disk: they are committed before they are used.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};
use sealing::{KeyFile, Sealer};

use crate::open_error::OpenError;

/// Unlocks the database's keys, makes them if it has none and a file is given, and wraps them with the file's current
/// key.
pub(crate) fn unlock(
    connection: &Connection,
    path: &Path,
    file: Option<&KeyFile>,
) -> Result<Sealer, OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let stored = stored(connection).map_err(sqlite)?;
    let locked = |reason| OpenError::Locked { path: path.to_owned(), reason };
    let unlocked = sealing::unlock(file, stored.as_deref()).map_err(locked)?;
    if let Some(mut replacement) = unlocked.replacement {
        // Where nothing was stored before there was a key, nothing is left to be sealed.
        if stored.is_none() && is_empty(connection).map_err(sqlite)? {
            unlocked.sealer.note_all_sealed();
            replacement = sealing::all_sealed(&replacement).unwrap_or(replacement);
        }
        replace(connection, &replacement).map_err(sqlite)?;
        if let Some(key) = sealing::wrapped_by(&replacement) {
            tracing::info!(key, "the store's own keys are wrapped with this key of the file from now on");
        }
    }
    Ok(unlocked.sealer)
}

/// Whether the database holds nothing that is sealed.
fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = ["run", "event", "effect", "dead_letter", "reply_route", "consent", "resolution", "answer"];
    let tables = tables.map(|table| format!("SELECT 1 FROM {table}"));
    let any = format!("SELECT NOT EXISTS ({})", tables.join(" UNION ALL "));
    connection.query_row(&any, [], |row| row.get(0))
}

/// What the database has.
pub(crate) fn stored(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT doc FROM sealing", [], |row| row.get(0)).optional()
}

/// Puts one document in the place of another, in one statement.
pub(crate) fn replace(connection: &Connection, doc: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO sealing (id, doc) VALUES (1, ?1)", [doc]).map(drop)
}
