//! Where the test works, and what it says. In: the work tree. Out: folders, programs and lines.
//!
//! Never: knows what is tried.

use std::path::PathBuf;

use anyhow::Result;

use crate::output::say;

/// Where the test works.
pub(super) struct Place {
    /// The work tree.
    pub(super) source: PathBuf,
    /// Everything that the test makes.
    pub(super) folder: PathBuf,
}

impl Place {
    /// The tools of `cargo xtask prepare`.
    pub(super) fn python(&self, program: &str) -> Result<PathBuf> {
        crate::tools::ensure(&self.source)?;
        Ok(crate::tools::folder()?.join("python/bin").join(program))
    }
}

/// Says that a row holds.
pub(super) fn holds(row: &str, what: &str) {
    say(&format!("{row} holds: {what}"));
}
