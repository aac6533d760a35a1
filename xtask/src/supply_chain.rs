//! `cargo deny`: what may be linked into callout. In: `deny.toml` and `Cargo.lock`. Out: an error for what it forbids.
//!
//! Never: fails because the database of known vulnerabilities cannot be reached.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    output::say,
    tools::{self, run},
};

/// Checks bans, licences and sources; and known vulnerabilities, if their database can be fetched.
pub(crate) fn check(root: &Path) -> Result<()> {
    let program = tools::cargo_command(root, "cargo-deny")?;
    let deny = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(args).current_dir(root);
        command
    };
    say("cargo deny check bans licenses sources");
    run(&mut deny(&["--locked", "check", "bans", "licenses", "sources"]))?;
    if let Err(error) = run(&mut deny(&["fetch", "db"])) {
        say(&format!(
            "skipped: cargo deny check advisories, for their database cannot be fetched here: {error:#}"
        ));
        return Ok(());
    }
    say("cargo deny check advisories");
    run(&mut deny(&["--locked", "check", "--disable-fetch", "advisories"]))
}
