//! One process per database: a lock on it, and on a file next to it that names the process.
//!
//! In: the database's path. Out: locks that the operating system releases with the process, however it ends.
//! Never: trusts what the file says about who holds it; the locks decide, the file only informs. Never takes two names
//! of one database for two databases, hard links included.

use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::OpenError;

/// What others may do with a file that holds texts and numbers: nothing.
const OTHERS: u32 = 0o077;

/// The lock. Held as long as this lives, which must be longer than SQLite has the database open: to close any handle of
/// a file gives up what POSIX locks a process has on it.
#[derive(Debug)]
pub(crate) struct LockFile {
    _file: File,
    _database: File,
}

impl LockFile {
    /// Takes the lock and writes our process id into the file. The database itself is locked too, after the file: a file
    /// that was deleted, or another name of the database, leads to another file.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = sibling(database, ".lock");
        let unusable = |source| OpenError::io(&path, source);
        let mut file = open_private(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be about to write its id; the refusal stands without it.
                let _ = file.read_to_string(&mut text);
                return Err(OpenError::InUse { path: database.to_owned(), pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let of_database = open_private(database).map_err(|source| OpenError::io(database, source))?;
        match of_database.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { path: database.to_owned(), pid: None });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::io(database, source)),
        }
        close_to_others(&of_database, database).map_err(|source| OpenError::io(database, source))?;
        file.set_len(0).map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { _file: file, _database: of_database })
    }
}

/// Takes away what others may do with a database that was there before, for example a copy.
fn close_to_others(file: &File, path: &Path) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    let mode = permissions.mode() & 0o777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    permissions.set_mode(mode & !OTHERS);
    file.set_permissions(permissions)?;
    let (database, was) = (path.display(), format!("{mode:04o}"));
    tracing::warn!(%database, was, "the database holds texts and numbers and was open to others; it is no longer");
    Ok(())
}

/// Opens a file, or creates one that its owner alone may read. What SQLite puts beside the database gets the same
/// permissions.
fn open_private(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Creates a file that its owner alone may read, where there is none.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// The database's own path, behind symbolic links, so that all who name it meet at one lock.
///
/// # Errors
/// Where the folder that it would be in does not exist.
pub fn real_path(database: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(real) = database.canonicalize() {
        return Ok(real);
    }
    // It is not there yet: its folder must be, or that of the file that a link leads to.
    let target = database.read_link().map(|target| database.with_file_name(target));
    let database = target.as_deref().unwrap_or(database);
    let parent = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|source| OpenError::io(folder, source))?;
    let name = database.file_name().ok_or_else(|| OpenError::Io {
        path: database.to_owned(),
        source: io::ErrorKind::InvalidInput.into(),
    })?;
    Ok(folder.join(name))
}

fn sibling(database: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
