//! Fresh databases in directories of their own.

use std::{path::Path, sync::Arc};

use embedded::{Embedded, EmbeddedConfig};
use ports::SystemClock;
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
