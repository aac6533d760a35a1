//! Whether the file that is written is still the one that its path names.
//!
//! In: a path, at the start and before each commit. Out: a fault once the file was moved, replaced or deleted.
//! Never: confirms a write to a file that was moved or deleted.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::fault::Fault;

/// The file that was opened.
pub(crate) struct DatabaseFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl DatabaseFile {
    /// The file at a path.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }

    /// Fails unless the path still names that file.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let now = match identity(&self.path) {
            Ok(now) if now == self.identity => return Ok(()),
            Ok(_) => "is another file now".to_owned(),
            Err(error) => format!("is not there: {error}"),
        };
        let path = self.path.display();
        Err(Fault::Down(format!("{path} {now}; put the database back, or restart on another one")))
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}
