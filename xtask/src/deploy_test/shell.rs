//! Programs that are run. In: commands. Out: that they succeeded, or what they printed.
//!
//! Never: goes on after a failure.

use std::{
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// A program with its arguments.
pub(super) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Runs a program that must succeed. What it prints is ours.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("{command:?} cannot be started"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Runs a program that must succeed, and returns its standard output.
pub(super) fn read(command: &mut Command) -> Result<String> {
    let said = attempt(command)?;
    if said.code != Some(0) {
        bail!("{command:?} ended with {:?}: {}{}", said.code, said.out, said.error);
    }
    Ok(said.out)
}

/// What a program did that may fail.
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) error: String,
}

/// Runs a program that may fail.
pub(super) fn attempt(command: &mut Command) -> Result<Said> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} cannot be started"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { code: output.status.code(), out: text(&output.stdout), error: text(&output.stderr) })
}

/// Asks every second, so many times at most.
pub(super) fn wait_until(what: &str, tries: u32, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..tries {
        if is_so()? {
            return Ok(());
        }
        pause();
    }
    bail!("waited {tries} s in vain: {what}")
}

#[expect(clippy::disallowed_methods, reason = "a chore has nothing else to do meanwhile")]
fn pause() {
    sleep(Duration::from_secs(1));
}

/// Fails with what was expected.
pub(super) fn expect(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if is_so { Ok(()) } else { bail!(otherwise()) }
}
