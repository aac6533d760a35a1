//! Why the database cannot be opened. In: what was found. Out: a sentence that says what to do about it.
//!
//! Never: suggests to delete a database.

use std::{
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

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
    /// The operating system does not let this user in.
    #[error(
        "{} belongs to user {owner}, and this command runs as user {user}: give the command as its owner, \
         for example with `sudo -u '#{owner}'`, or give this user the database and its folder with `chown`",
        path.display()
    )]
    Forbidden {
        /// The file, or the folder that it would be in.
        path: PathBuf,
        /// The user id that it belongs to.
        owner: u32,
        /// The user id of this process.
        user: u32,
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
    /// Its keys cannot be unlocked.
    #[error("{} cannot be opened: {reason}", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
        /// Why not. It says what to do, so it is part of the sentence.
        reason: sealing::Locked,
    },
    /// There is no runtime to deliver from.
    #[error("the embedded backend was opened outside of a Tokio runtime")]
    NoRuntime,
}

impl OpenError {
    /// Why a file cannot be used, or the folder that it would be in.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        let user = rustix::process::geteuid().as_raw();
        let there = [path, path.parent().unwrap_or(path)];
        let found = there.into_iter().find_map(|path| Some((path, path.metadata().ok()?.uid())));
        match found {
            Some((path, owner)) if source.kind() == ErrorKind::PermissionDenied && owner != user => {
                Self::Forbidden { path: path.to_owned(), owner, user }
            }
            Some(_) | None => Self::Io { path: path.to_owned(), source },
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
