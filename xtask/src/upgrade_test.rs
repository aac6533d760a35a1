//! `cargo xtask upgrade-test`: a fleet of the release before becomes one of this release, and back, while events come in.
//!
//! In: a revision. Out: a build of it in a folder of its own, and the test `tests/fleet/upgrade.rs` with it.
//! Never: changes the work tree.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::output::say;

#[derive(Debug, Args)]
pub(crate) struct UpgradeTest {
    /// The revision that is replaced: a tag of a release, or a commit.
    #[arg(long, value_name = "REVISION")]
    from: String,
}

/// Builds the other revision, and returns its binary.
pub(crate) fn build(root: &Path, args: &UpgradeTest) -> Result<std::path::PathBuf> {
    let folder = root.join("target/upgrade");
    let (source, target) = (folder.join("source"), folder.join("build"));
    std::fs::create_dir_all(&source)?;
    let archive = Command::new("git")
        .args(["archive", "--format=tar", &args.from])
        .current_dir(root)
        .output()
        .context("git cannot be started")?;
    ensure!(archive.status.success(), "there is no revision {}", args.from);
    let tar = folder.join("source.tar");
    std::fs::write(&tar, archive.stdout)?;
    let unpacked = Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(&source).status()?;
    ensure!(unpacked.success(), "{} cannot be unpacked", tar.display());
    say(&format!("building {} in {}", args.from, target.display()));
    let built = Command::new(env!("CARGO"))
        .args(["build", "--package", "cli"])
        .current_dir(&source)
        .env("CARGO_TARGET_DIR", &target)
        .status()?;
    if !built.success() {
        bail!("{} cannot be built", args.from);
    }
    Ok(target.join("debug/callout"))
}
