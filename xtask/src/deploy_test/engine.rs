//! A container engine of its own: Docker from Debian's packages, on a machine of its own.
//!
//! In: a root with Docker. Out: `docker` and `docker compose` commands.
//! Never: uses an engine of the host.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use super::{
    machine::{ControlGroups, Machine, Network, Plan},
    place::Place,
    roots, shell,
};

/// What the engine's root needs besides the smallest Debian.
const PACKAGES: [&str; 10] = [
    "ca-certificates",
    "curl",
    "docker-buildx",
    "docker-cli",
    "docker-compose",
    "docker.io",
    "iproute2",
    "iptables",
    "procps",
    "util-linux",
];

/// A running engine.
pub(super) struct Engine {
    machine: Machine,
}

impl Engine {
    /// Starts it. On the host's network it only builds: it changes nothing there, and its containers have no network
    /// but the host's.
    pub(super) fn start(place: &Place, network: Network) -> Result<Self> {
        let root = roots::with_packages(place, "engine", "trixie", &PACKAGES)?;
        let shared = "--bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false";
        let options = if network == Network::Host { shared } else { "" };
        let daemon =
            format!("mkdir -p /var/empty && exec dockerd --exec-opt native.cgroupdriver=cgroupfs {options}");
        let machine = Machine::start(&Plan {
            root: &root,
            network,
            control_groups: ControlGroups::All,
            binds: vec![
                (copy(place)?, "source"),
                (place.folder.join("bookworm"), "bookworm"),
                (place.folder.join("trixie"), "trixie"),
                (toolchain()?, "toolchain"),
                (PathBuf::from("/usr/local/share/ca-certificates"), "certificates"),
            ],
            program: &["sh", "-c", &daemon],
            log: place.folder.join("engine.log"),
        })?;
        let engine = Self { machine };
        shell::wait_until("an answer of the engine (see engine.log)", 60, || {
            Ok(shell::attempt(&mut engine.docker(&["info"]))?.code == Some(0))
        })?;
        Ok(engine)
    }

    /// A program beside the engine, in the folder of the source.
    pub(super) fn program(&self, script: &str) -> Command {
        self.machine.command("sh", &["-c", &format!("cd /source && {script}")])
    }

    /// `docker` with these arguments.
    pub(super) fn docker(&self, args: &[&str]) -> Command {
        self.machine.command("docker", args)
    }

    /// A program of the host that reaches the published ports.
    pub(super) fn on_its_network(&self, program: &std::path::Path) -> Command {
        self.machine.on_its_network(program)
    }
}

/// A copy of what git knows of, as it is in the work tree: the test edits files.
pub(super) fn copy(place: &Place) -> Result<PathBuf> {
    let target = place.folder.join("source");
    if !target.exists() {
        fs::create_dir_all(&target)?;
        let script = "git ls-files --cached --others --exclude-standard -z | xargs -0 ls -d 2>/dev/null \
                      | tar --create --files-from - | tar --extract --directory \"$TARGET\"";
        shell::run(shell::command("sh", &["-c", script]).current_dir(&place.source).env("TARGET", &target))?;
    }
    Ok(target)
}

/// The host's Rust toolchain, which is what `rust:` images hold.
fn toolchain() -> Result<PathBuf> {
    let sysroot = shell::read(&mut shell::command("rustc", &["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot.trim()))
}
