//! The newest RabbitMQ that Debian has, for `cargo xtask test --broker newest`.
//!
//! In: the archive of Debian. Out: a folder with the unpacked packages, in which `test-servers` starts its brokers.
//! Never: installs a package, touches the machine's own list of packages, or runs what packages bring to be run at
//! their installation.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::output::say;

/// The distributions that are asked, the one with the newer broker first.
const SUITES: [&str; 2] = ["sid", "trixie"];
/// The broker, and what its scripts call without depending on it.
const PACKAGES: [&str; 12] = [
    "rabbitmq-server",
    "bash",
    "coreutils",
    "dash",
    "findutils",
    "gawk",
    "grep",
    "hostname",
    "mount",
    "procps",
    "sed",
    "util-linux",
];
const ARCHIVE: &str = "http://deb.debian.org/debian";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The folder; made now unless an earlier run did.
///
/// # Errors
/// Where it cannot be had: no Debian, no network, or no right to mount in a namespace of one's own.
pub(crate) fn ensure() -> Result<PathBuf> {
    if !succeeds("unshare", &["--map-root-user", "--mount", "true"]) {
        bail!("this machine allows no mount namespace to its users");
    }
    if !Path::new(KEYRING).exists() {
        bail!("the keys of Debian's archive are not here (package `debian-archive-keyring`)");
    }
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("the program is not in a target folder")?;
    let mut refusal = None;
    for suite in SUITES {
        let folder = target.join("tools").join(format!("rabbitmq-{suite}"));
        match unpack(&folder, suite) {
            Ok(version) => {
                say(&format!("RabbitMQ {version} of Debian {suite} is in {}", folder.display()));
                return Ok(folder.join("root"));
            }
            Err(error) => {
                say(&format!("Debian {suite} has no RabbitMQ for this machine: {error:#}"));
                refusal = Some(error);
            }
        }
    }
    Err(refusal.context("no distribution was asked")?)
}

fn unpack(folder: &Path, suite: &str) -> Result<String> {
    let stamp = folder.join("unpacked");
    if let Ok(version) = fs::read_to_string(&stamp) {
        return Ok(version);
    }
    say(&format!("downloading RabbitMQ of Debian {suite} into {}", folder.display()));
    for part in ["lists/partial", "cache/archives/partial", "root"] {
        fs::create_dir_all(folder.join(part))?;
    }
    fs::write(folder.join("sources.list"), format!("deb [signed-by={KEYRING}] {ARCHIVE} {suite} main\n"))?;
    // Nothing is installed there, so everything that is needed is downloaded.
    fs::write(folder.join("status"), "")?;
    apt(folder, &["update", "--quiet"])?;
    let download = ["install", "--yes", "--quiet", "--download-only", "--no-install-recommends"];
    apt(folder, &[&download[..], &PACKAGES].concat())?;
    let mut version = String::new();
    for entry in fs::read_dir(folder.join("cache/archives"))? {
        let package = entry?.path();
        let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".deb") {
            continue;
        }
        let status =
            Command::new("dpkg-deb").arg("--extract").arg(&package).arg(folder.join("root")).status()?;
        if !status.success() {
            bail!("{name} cannot be unpacked");
        }
        if let Some(rest) = name.strip_prefix("rabbitmq-server_") {
            version = rest.split(['-', '+']).next().unwrap_or_default().to_owned();
        }
    }
    fs::remove_dir_all(folder.join("cache"))?;
    fs::write(&stamp, &version)?;
    Ok(version)
}

/// `apt-get` with lists, cache and status of its own.
fn apt(folder: &Path, args: &[&str]) -> Result<()> {
    let within = |option: &str, name: &str| format!("{option}={}", folder.join(name).display());
    let options = [
        within("Dir::Etc::sourcelist", "sources.list"),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        within("Dir::State::lists", "lists"),
        within("Dir::State::status", "status"),
        within("Dir::Cache", "cache"),
        // The user to whom it would lower its rights cannot write into this folder.
        "APT::Sandbox::User=root".to_owned(),
        "Debug::NoLocking=1".to_owned(),
    ];
    let mut command = Command::new("apt-get");
    for option in &options {
        command.args(["--option", option]);
    }
    let status = command.args(args).status().context("apt-get cannot be started")?;
    if !status.success() {
        bail!("apt-get {} failed", args.first().unwrap_or(&""));
    }
    Ok(())
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}
