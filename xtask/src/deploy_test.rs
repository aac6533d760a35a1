//! `cargo xtask deploy-test`: the files of `deploy/` on a real container engine and a real systemd, and the overlays
//! rendered.
//!
//! In: the work tree, and Debian's packages. Out: a line for each row of the list in `docs/testing.md` that was seen to
//! hold, or the first thing that does not.
//! Never: part of CI, or anything outside of its folder and its own namespaces: it needs root, a quarter of an hour and
//! 8 GB.

mod compose;
mod definitions;
mod engine;
mod images;
mod kubernetes;
mod machine;
mod place;
mod public;
mod roots;
mod shell;
mod units;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use self::place::Place;
use crate::{output::say, servers};

/// What to try.
#[derive(Debug, Args)]
pub(crate) struct DeployTest {
    /// Where roots, images and copies go; what is there is used again.
    #[arg(long, default_value = "target/deploy-test")]
    folder: PathBuf,
    /// Only this part; may be repeated.
    #[arg(long)]
    only: Vec<Part>,
}

/// A part of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The image and `docker-compose.yml`, on an engine of its own.
    Compose,
    /// The units, under a systemd of their own.
    Units,
    /// The overlays, rendered and checked against schemas.
    Kubernetes,
}

/// Runs the parts.
pub(crate) fn run(root: &Path, args: &DeployTest) -> Result<()> {
    let is_wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let place = Place { source: root.to_owned(), folder: root.join(&args.folder) };
    std::fs::create_dir_all(&place.folder)?;
    if is_wanted(Part::Kubernetes) {
        kubernetes::check(&place)?;
    }
    if is_wanted(Part::Compose) || is_wanted(Part::Units) {
        if shell::read(&mut shell::command("id", &["-u"]))?.trim() != "0" {
            bail!("only root can make the namespaces of an engine and of a systemd");
        }
        if !Path::new("/usr/sbin/debootstrap").exists() {
            servers::install(&["debootstrap"])?;
        }
    }
    if is_wanted(Part::Compose) {
        images::build(&place)?;
        compose::drive(&place)?;
    }
    if is_wanted(Part::Units) {
        units::drive(&place)?;
    }
    say("deploy-test: everything that was tried holds");
    Ok(())
}
