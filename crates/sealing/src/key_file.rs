//! The file with the keys that wrap a store's own. In: a path. Out: named keys, the first of which is current.
//!
//! Never: takes a file that every user of the machine may read, or shows a key in an error.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use zeroize::{Zeroize as _, Zeroizing};

use crate::cipher::{KEY_BYTES, KeyBytes, Unsealable, new_key};

/// Longest name of a key, in characters.
const NAME_CHARS_MAX: usize = 32;
/// What may be read, changed or run by everybody.
const OTHERS: u32 = 0o007;
/// More bytes than a key file needs.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The keys of a file.
#[derive(Clone)]
pub struct KeyFile {
    path: PathBuf,
    keys: Vec<WrappingKey>,
}

/// A key and its name.
#[derive(Clone)]
pub(crate) struct WrappingKey {
    pub(crate) name: String,
    pub(crate) key: KeyBytes,
}

/// Why a file holds no keys that can be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("{} cannot be read ({reason}): name a file that this user may read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Others may read or change it.
    #[error("every user may read or change {}: `chmod 600` it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// A line is none of ours.
    #[error("{}, line {line}: {what}; `callout privacy new-key` makes a line", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// It has no line.
    #[error("{} holds no key: `callout privacy new-key` makes a line", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl KeyFile {
    /// Reads a file: one key in each line, its name, a blank, and 32 bytes in base64. Empty lines and those that begin
    /// with `#` say nothing.
    ///
    /// # Errors
    /// [`KeyFileError`], which shows nothing of what is in the file.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let unreadable = |reason| KeyFileError::Unreadable { path: path.to_owned(), reason };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if metadata.is_file() && metadata.permissions().mode() & OTHERS != 0 {
            return Err(KeyFileError::Open { path: path.to_owned() });
        }
        if metadata.len() > FILE_BYTES_MAX {
            return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, "it is too long for keys")));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
        let mut keys: Vec<WrappingKey> = Vec::new();
        let mut names = BTreeSet::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let key = parse(text).and_then(|key| match names.insert(key.name.clone()) {
                true => Ok(key),
                false => Err("another line has a key of this name"),
            });
            keys.push(key.map_err(|what| KeyFileError::Line { path: path.to_owned(), line, what })?);
        }
        if keys.is_empty() {
            return Err(KeyFileError::Empty { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), keys })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its keys, the current one first.
    pub fn names(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.name.as_str()).collect()
    }

    /// The key that wraps.
    pub(crate) fn current(&self) -> &WrappingKey {
        &self.keys[0]
    }

    pub(crate) fn named(&self, name: &str) -> Option<&WrappingKey> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).field("names", &self.names()).finish()
    }
}

fn parse(line: &str) -> Result<WrappingKey, &'static str> {
    let (name, encoded) = line.split_once([' ', '\t']).ok_or("expected a name, a blank and a key")?;
    if !is_name(name) {
        return Err("expected a name of at most 32 letters, digits, `-` and `_`");
    }
    let not_one = "expected 32 bytes in base64 after the name";
    let mut decoded = Zeroizing::new(BASE64.decode(encoded.trim()).map_err(|_| not_one)?);
    let key = <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).map_err(|_| not_one)?;
    decoded.zeroize();
    Ok(WrappingKey { name: name.to_owned(), key: Zeroizing::new(key) })
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.chars().all(fits)
}

/// A line with a new key of this name; `None` if it is no name.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_line(name: &str) -> Option<Result<Zeroizing<String>, Unsealable>> {
    let line = |key: KeyBytes| Zeroizing::new(format!("{name} {}", *Zeroizing::new(BASE64.encode(*key))));
    is_name(name).then(|| new_key().map(line))
}
