//! Fresh databases in directories of their own.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use embedded::{Embedded, EmbeddedConfig};
use ports::SystemClock;
use sealing::KeyFile;
use tempfile::TempDir;

pub(crate) fn config(directory: &Path) -> EmbeddedConfig {
    EmbeddedConfig::new(directory.join("callout.db"), conformance::bus::lanes(), Arc::new(SystemClock))
}

pub(crate) fn open(directory: &Path) -> Embedded {
    Embedded::open(config(directory)).unwrap()
}

pub(crate) fn fresh() -> (Embedded, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (open(directory.path()), directory)
}

/// A key file with a new key for each name, the first of them current.
pub(crate) fn key_file(directory: &Path, names: &[&str]) -> KeyFile {
    let lines: Vec<String> =
        names.iter().map(|name| sealing::new_line(name).unwrap().unwrap().to_string()).collect();
    key_file_of(directory, &lines)
}

/// A key file with these lines.
pub(crate) fn key_file_of(directory: &Path, lines: &[String]) -> KeyFile {
    let path = directory.join("privacy.key");
    fs::write(&path, lines.join("\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    KeyFile::read(&path).unwrap()
}

pub(crate) fn fresh_with_key() -> (Embedded, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let key_file = Some(key_file(directory.path(), &["test"]));
    let embedded = Embedded::open(EmbeddedConfig { key_file, ..config(directory.path()) }).unwrap();
    (embedded, directory)
}
