//! Why the database cannot be opened. In: what was found. Out: a sentence that says what to do about it.
//!
//! Never: suggests to delete a database.

use std::path::PathBuf;

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has it open.
    #[error(
        "{} is in use by {}: stop that process, or give this one a database of its own",
        path.display(),
        holder(*pid)
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// The process that holds it, where it is known.
        pid: Option<u32>,
    },
    /// A later version of callout wrote it.
    #[error(
        "{} has schema {found}, and this version knows schemas up to {known}: start the version that wrote it",
        path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// The file is something else.
    #[error("{} is not a callout database: name another path, or move that file away", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The SQLite that was linked may lose commits.
    #[error(
        "SQLite {found} was linked and {oldest} is the oldest that keeps every commit: \
         build with the bundled SQLite"
    )]
    OldSqlite {
        /// Its version number.
        found: i32,
        /// The version number of the oldest that keeps every commit.
        oldest: i32,
    },
    /// A file cannot be opened, created or locked.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("{} cannot be opened", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// There is no runtime to deliver from.
    #[error("the embedded backend was opened outside of a Tokio runtime")]
    NoRuntime,
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
