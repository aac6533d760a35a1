//! Prometheus and its checker. In: the package `prometheus`, and what is to be checked. Out: what `promtool` says.
//!
//! Never: talks to another Prometheus, or reads the machine's configuration.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Runs `promtool` on an input.
///
/// # Errors
/// Everything that it printed, if it found anything wrong.
pub fn promtool(args: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(
            "this test needs promtool: install the package `prometheus` (its service need not run), or run \
             `cargo xtask prepare`",
        );
    // What it is given fits in no pipe, and it reads all of it before it prints anything.
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(said) }
}
