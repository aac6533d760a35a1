//! The tables, and how a database of an earlier version becomes one of this version.
//!
//! In: a database file. Out: connections to a database of schema [`SCHEMA`].
//! Never: changes a file that is not ours or that a later version wrote.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use crate::open_error::OpenError;

/// The oldest SQLite that keeps every commit: earlier ones may lose one when a checkpoint and a write coincide.
pub(crate) const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Marks the file as ours: "call" in ASCII.
const APPLICATION_ID: i64 = 0x6361_6c6c;
/// Each brings a database from the schema of its index to the next.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    BACKUP,
    include_str!("schema/10.sql"),
    include_str!("schema/11.sql"),
    include_str!("schema/12.sql"),
    include_str!("schema/13.sql"),
    include_str!("schema/14.sql"),
    include_str!("schema/15.sql"),
    include_str!("schema/16.sql"),
    include_str!("schema/17.sql"),
    include_str!("schema/18.sql"),
];
/// The table that tells a copy from the database that it is of.
pub(crate) const BACKUP: &str = include_str!("schema/9.sql");
/// The schema of this version.
const SCHEMA: i64 = MIGRATIONS.len() as i64;
/// How long SQLite waits for a lock that a tool of an operator holds, in milliseconds.
const BUSY_MS: u32 = 5_000;
/// Prepared statements kept per connection; there are about fifty.
const STATEMENTS_MAX: usize = 96;
/// Pages kept in memory by the writer, in KiB. Each commit walks over them, so more is not faster.
const WRITER_CACHE_KIB: u32 = 16 * 1024;
/// Pages kept in memory by one reader, in KiB.
const READER_CACHE_KIB: u32 = 8 * 1024;

/// Refuses a SQLite that may lose commits.
pub(crate) fn check_sqlite(found: i32) -> Result<(), OpenError> {
    if found < SQLITE_VERSION_MIN {
        Err(OpenError::OldSqlite { found, oldest: SQLITE_VERSION_MIN })
    } else {
        Ok(())
    }
}

/// The connection that writes, to a database of this version's schema. The caller holds the lock.
pub(crate) fn open_writer(path: &Path, max_pages: Option<u32>) -> Result<Connection, OpenError> {
    check_sqlite(rusqlite::version_number())?;
    let opened = Connection::open(path).and_then(|mut connection| {
        let refusal = migrate(&mut connection, path)?;
        if refusal.is_none() {
            prepare_writer(&connection, max_pages)?;
        }
        Ok((connection, refusal))
    });
    match opened {
        Ok((connection, None)) => Ok(connection),
        Ok((_, Some(refusal))) => Err(refusal),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(OpenError::NotADatabase { path: path.to_owned() })
        }
        Err(source) => Err(OpenError::Sqlite { path: path.to_owned(), source }),
    }
}

/// A connection that reads.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI,
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch(&format!(
        "PRAGMA query_only = ON; PRAGMA busy_timeout = {BUSY_MS}; PRAGMA cache_size = -{READER_CACHE_KIB};"
    ))?;
    Ok(connection)
}

fn prepare_writer(connection: &Connection, max_pages: Option<u32>) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    // The checkpointer decides when to checkpoint, not a commit that a caller waits for.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA busy_timeout = {BUSY_MS}; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{WRITER_CACHE_KIB}; PRAGMA wal_autocheckpoint = 0;"
    ))?;
    if let Some(pages) = max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    Ok(())
}

/// The schema of a database of ours.
pub(crate) fn found(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let owner: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((owner == APPLICATION_ID).then_some(found))
}

/// Brings the file to this version's schema, or says why it must not be touched.
fn migrate(connection: &mut Connection, path: &Path) -> rusqlite::Result<Option<OpenError>> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (found, owner) = (number("user_version")?, number("application_id")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    let is_new = tables == 0 && found == 0 && owner == 0;
    if !is_new && owner != APPLICATION_ID {
        return Ok(Some(OpenError::NotADatabase { path: path.to_owned() }));
    }
    if found > SCHEMA {
        return Ok(Some(OpenError::NewerSchema { path: path.to_owned(), found, known: SCHEMA }));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    for (from, migration) in (0_i64..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", from + 1)?;
        transaction.commit()?;
    }
    Ok(None)
}

/// A database in memory with every table.
#[cfg(test)]
pub(crate) fn empty() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    assert!(migrate(&mut connection, Path::new("memory")).unwrap().is_none());
    connection
}

/// How SQLite finds what a statement without parameters asks for.
#[cfg(test)]
pub(crate) fn plan_of(sql: &str) -> String {
    let connection = empty();
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let lines = explain.query_map([], |row| row.get::<_, String>("detail")).unwrap();
    lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_that_may_lose_commits_is_refused() {
        assert!(check_sqlite(3_054_001).is_ok());
        assert!(check_sqlite(SQLITE_VERSION_MIN).is_ok());
        let said = check_sqlite(3_040_001).unwrap_err().to_string();
        assert!(said.contains("3040001") && said.contains("bundled"), "{said}");
    }

    #[test]
    fn the_sqlite_that_is_linked_is_new_enough() {
        assert!(check_sqlite(rusqlite::version_number()).is_ok(), "{}", rusqlite::version());
    }
}
