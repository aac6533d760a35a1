//! Copies of a database that may be in use, and databases that are such copies.
//!
//! In: a database and the name of a new file. Out: a whole, checked copy; since when a restored one may lack writes.
//! Never: overwrites a file, or leaves a part of a copy.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::time::{after_s, floor_ms, of_ms};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, params};

use crate::{lock, schema};

/// For so long after a restore a text is looked up at the provider before it is sent, in seconds.
const RESTORED_S: i64 = 24 * 3_600;
/// How long a lock is waited for that another process holds.
const BUSY: Duration = Duration::from_secs(5);

/// A copy that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// How many runs it has.
    pub runs: u64,
    /// Its schema.
    pub schema: i64,
}

/// Why no copy was made. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database.
    #[error("there is no callout database at {}", .0.display())]
    NoDatabase(PathBuf),
    /// There is a file of this name.
    #[error("{} is there already: name a new file", .0.display())]
    Exists(PathBuf),
    /// The new file cannot be written.
    #[error("{} cannot be written: {reason}", path.display())]
    Unwritable {
        /// The new file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The database cannot be copied.
    #[error("the database cannot be copied: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The copy is damaged, and so the database may be.
    #[error("the copy is damaged, so the database may be, too: {0}")]
    Damaged(String),
}

/// Copies a database, which a process may have open and write to, as it is at this moment.
///
/// # Errors
/// [`BackupError`].
pub fn back_up(database: &Path, copy: &Path, now: Timestamp) -> Result<Backup, BackupError> {
    if !database.is_file() {
        return Err(BackupError::NoDatabase(database.to_owned()));
    }
    match lock::create_private(copy) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists(copy.to_owned()));
        }
        Err(reason) => return Err(BackupError::Unwritable { path: copy.to_owned(), reason }),
    }
    let made = make(database, copy, now);
    if made.is_err() {
        drop(fs::remove_file(copy));
    }
    made
}

fn make(database: &Path, copy: &Path, now: Timestamp) -> Result<Backup, BackupError> {
    // No reader of ours: `query_only` keeps a connection from writing the copy as well.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(database, flags)?;
    source.busy_timeout(BUSY)?;
    let found = schema::found(&source).ok().flatten();
    let schema = found.ok_or_else(|| BackupError::NoDatabase(database.to_owned()))?;
    // One read transaction: whatever is written meanwhile, the copy is of one moment.
    source.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    let connection = Connection::open(copy)?;
    let damage: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if damage != "ok" {
        return Err(BackupError::Damaged(damage));
    }
    // A database that another version wrote may not have it yet.
    connection.execute_batch(schema::BACKUP)?;
    connection.execute("INSERT INTO backup (taken_ms) VALUES (?1)", [floor_ms(now)])?;
    let runs: i64 = connection.query_row("SELECT count(*) FROM run", [], |row| row.get(0))?;
    connection.close().map_err(|(_, error)| error)?;
    let unwritable = |reason| BackupError::Unwritable { path: copy.to_owned(), reason };
    let file = File::open(copy).map_err(unwritable)?;
    file.sync_all().map_err(unwritable)?;
    let bytes = file.metadata().map_err(unwritable)?.len();
    Ok(Backup { bytes, runs: runs as u64, schema })
}

/// Since when writes may be missing, if the database was a copy when it was first opened, and that is not long ago.
pub(crate) fn data_loss_since(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let newly = connection
        .execute("UPDATE backup SET restored_ms = ?1 WHERE restored_ms IS NULL", params![floor_ms(now)])?;
    let last = "SELECT taken_ms, restored_ms FROM backup ORDER BY restored_ms DESC LIMIT 1";
    let mut select = connection.prepare(last)?;
    let mut rows = select.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (taken_at, restored_at) = (of_ms(row.get(0)?), of_ms(row.get(1)?));
    if newly > 0 {
        tracing::warn!(
            %taken_at,
            "this database is a restored backup: for a day, texts that it has as unsent are looked up at the provider \
             before they are sent; events accepted since the backup are not in it"
        );
    }
    Ok((now < after_s(restored_at, RESTORED_S)).then_some(restored_at))
}
