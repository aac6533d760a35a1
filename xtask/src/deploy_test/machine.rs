//! A machine of its own, of namespaces: its first process, and commands within it.
//!
//! In: a root and a program. Out: commands that run inside. When it is dropped, everything in it ends, as when the power
//! fails.
//! Never: reaches the network of the host, unless it is told to share it.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::shell;

/// Run as `sh -c` in the new namespaces.
const SCRIPT: &str = include_str!("machine.sh");
/// Run before there are any: what systemd does with the control groups that it sees must be below one of its own.
const IN_GROUP: &str =
    r#"if [ -n "$GROUP" ]; then mkdir -p "$GROUP"; echo $$ > "$GROUP/cgroup.procs"; fi; exec unshare "$@""#;

/// Whose network it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// One of its own, which leads nowhere.
    Own,
    /// That of the host, for package registries.
    Host,
}

/// Which control groups it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ControlGroups {
    /// All, below those of this process.
    All,
    /// Those of systemd, which names its services by them and limits nothing.
    Systemd,
}

/// What a machine is made of.
pub(super) struct Plan<'a> {
    pub(super) root: &'a Path,
    pub(super) network: Network,
    pub(super) control_groups: ControlGroups,
    /// Folders of the host, and where they are inside.
    pub(super) binds: Vec<(PathBuf, &'a str)>,
    pub(super) program: &'a [&'a str],
    /// Where what it prints goes.
    pub(super) log: PathBuf,
}

/// A running machine.
pub(super) struct Machine {
    unshare: Child,
    pid: String,
    group: PathBuf,
}

impl Machine {
    /// Starts it.
    pub(super) fn start(plan: &Plan<'_>) -> Result<Self> {
        let pid_file = plan.log.with_extension("pid");
        if pid_file.exists() {
            fs::remove_file(&pid_file)?;
        }
        let log = fs::File::options().create(true).append(true).open(&plan.log)?;
        let binds: Vec<String> =
            plan.binds.iter().map(|(source, target)| format!("{} {target}", source.display())).collect();
        let mut unshare = Command::new("sh");
        unshare.args(["-c", IN_GROUP, "machine"]);
        unshare.args(["--mount", "--pid", "--cgroup", "--ipc", "--uts", "--fork", "--kill-child"]);
        if plan.network == Network::Own {
            unshare.arg("--net");
        }
        unshare.args(["sh", "-c", SCRIPT, "machine"]).args(plan.program);
        unshare.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        unshare.env("container", "callout").env("ROOT", plan.root).env("BINDS", binds.join("\n"));
        let groups = if plan.control_groups == ControlGroups::All { "all" } else { "systemd" };
        unshare.env("CGROUPS", groups).env("PID_FILE", &pid_file);
        let group = if plan.control_groups == ControlGroups::All { PathBuf::new() } else { group() };
        unshare.env("GROUP", &group);
        unshare.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let unshare = unshare.spawn().context("unshare cannot be started")?;
        let mut machine = Self { unshare, pid: String::new(), group };
        shell::wait_until("a machine of its own", 20, || Ok(pid_file.exists() || machine.has_ended()?))?;
        // It is written before the root is changed, which takes no time that matters, but is no one step either.
        shell::wait_until("its own root", 20, || {
            machine.pid = fs::read_to_string(&pid_file)?.trim().to_owned();
            let mounts = fs::read_to_string(format!("/proc/{}/mounts", machine.pid)).unwrap_or_default();
            Ok(machine.has_ended()? || (!mounts.is_empty() && !mounts.contains(".outside")))
        })?;
        if machine.has_ended()? {
            bail!("it ended at once: {}", fs::read_to_string(&plan.log)?);
        }
        Ok(machine)
    }

    fn has_ended(&mut self) -> Result<bool> {
        Ok(self.unshare.try_wait()?.is_some())
    }

    /// A program of its root, inside.
    pub(super) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = shell::command("nsenter", &["--target", self.pid.as_str()]);
        command.args(["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--", program]).args(args);
        command
    }

    /// A program of the host, on its network.
    pub(super) fn on_its_network(&self, program: &Path) -> Command {
        let mut command = shell::command("nsenter", &["--target", self.pid.as_str(), "--net", "--"]);
        command.arg(program);
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // `--kill-child` ends the first process with the unshare, and the kernel all others with the first.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        let gone = || Ok(!Path::new("/proc").join(&self.pid).join("root").exists() || self.pid.is_empty());
        let _ = shell::wait_until("the end of a machine", 30, gone);
        if self.group.exists() {
            let _ =
                shell::read(Command::new("find").arg(&self.group).args(["-depth", "-type", "d", "-delete"]));
        }
    }
}

/// The control group of a systemd of ours, whichever version of them the host has.
fn group() -> PathBuf {
    let named = Path::new("/sys/fs/cgroup/systemd");
    let hierarchy = if named.exists() { named } else { Path::new("/sys/fs/cgroup") };
    hierarchy.join("callout-deploy-test")
}
