//! Programs that are not Rust. In: names. Out: commands that run what `cargo xtask prepare` installed.
//!
//! Never: uses what the machine happens to have, or skips a test: a missing tool is a failure.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The work tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program of the Python environment, for example `python` or `check-jsonschema`.
pub(crate) fn python(program: &str) -> Command {
    let path = tools().join("python/bin").join(program);
    assert!(path.exists(), "{} is missing: run `cargo xtask prepare`", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
}

/// Node, with the packages of the example.
pub(crate) fn node() -> Command {
    let modules = tools().join("node/node_modules");
    assert!(modules.exists(), "{} is missing: run `cargo xtask prepare`", modules.display());
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).stdin(Stdio::null());
    command
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{error}");
    out.trim().to_owned()
}

/// Runs a command that must fail, and returns what it printed.
pub(crate) fn fail(command: &mut Command) -> String {
    let output = run(command);
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(!output.status.success(), "{command:?} did not fail: {printed}");
    printed
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// In cargo's target folder, beside the folders of the profiles.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_callout")).ancestors().nth(2).unwrap().join("tools")
}
