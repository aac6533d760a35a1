//! When the write-ahead log is copied back into the database file.
//!
//! In: how much was committed, and whether a command waits. Out: checkpoints, on the writer's thread.
//! Never: lets the log grow without bound, or makes callers wait while a quiet moment would do.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// Commands after which a quiet moment is used for a checkpoint.
const QUIET_AFTER: usize = 2_000;
/// Commands after which a checkpoint is made though callers wait.
const BUSY_AFTER: usize = 20_000;
/// Commands after which a log that is too long is cut off.
const LONG_AFTER: usize = 100;
/// A log longer than this is cut off, in bytes; or longer than the quota of the database, if that is less.
const LOG_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// The size of a page, in bytes.
const PAGE_BYTES: u64 = 4_096;

/// Counts, and checkpoints when it is time.
pub(crate) struct Checkpointer {
    log: PathBuf,
    log_bytes_max: u64,
    commands: usize,
}

impl Checkpointer {
    /// `max_pages` is the quota of the database, if it has one.
    pub(crate) fn new(database: &Path, max_pages: Option<u32>) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let quota = max_pages.map_or(u64::MAX, |pages| u64::from(pages) * PAGE_BYTES);
        Self { log: log.into(), log_bytes_max: LOG_BYTES_MAX.min(quota), commands: 0 }
    }

    pub(crate) fn after_commit(&mut self, connection: &Connection, commands: usize, is_idle: bool) {
        self.commands += commands;
        if self.commands < LONG_AFTER {
            return;
        }
        let is_long = std::fs::metadata(&self.log).is_ok_and(|log| log.len() > self.log_bytes_max);
        if is_long || self.commands >= BUSY_AFTER || (is_idle && self.commands >= QUIET_AFTER) {
            self.commands = 0;
            checkpoint(connection, if is_long { "TRUNCATE" } else { "PASSIVE" });
        }
    }

    pub(crate) fn at_end(self, connection: &Connection) {
        checkpoint(connection, "TRUNCATE");
    }
}

fn checkpoint(connection: &Connection, how: &str) {
    // Readers may hold the log back; then the next one does it.
    if let Err(error) = connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(())) {
        tracing::warn!(%error, "the write-ahead log could not be copied back; it will be tried again");
    }
}
