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
/// A log larger than this is cut off, in bytes.
const LOG_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Counts, and checkpoints when it is time.
pub(crate) struct Checkpointer {
    log: PathBuf,
    commands: usize,
}

impl Checkpointer {
    pub(crate) fn new(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Self { log: log.into(), commands: 0 }
    }

    pub(crate) fn after_commit(&mut self, connection: &Connection, commands: usize, is_idle: bool) {
        self.commands += commands;
        if self.commands >= BUSY_AFTER || (is_idle && self.commands >= QUIET_AFTER) {
            self.commands = 0;
            let is_long = std::fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_BYTES_MAX);
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
