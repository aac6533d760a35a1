//! What `cargo xtask prepare` installed. In: names. Out: a Python with its packages, and documents of vendors.
//!
//! Never: uses what the machine happens to have, or skips a test: what is missing is a failure.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The Python of the tools.
pub(crate) fn python() -> Command {
    Command::new(tool("python/bin/python"))
}

/// A file below `target/tools`.
pub(crate) fn tool(name: &str) -> PathBuf {
    // The test's program is in `target/PROFILE/deps`.
    let program = std::env::current_exe().unwrap();
    let path = program.ancestors().nth(3).unwrap().join("tools").join(Path::new(name));
    assert!(path.exists(), "{} is missing: run `cargo xtask prepare`", path.display());
    path
}
