//! Packages of the distribution that tests need: the servers that they start, and what installs and runs the tools of
//! [`crate::tools`].
//!
//! In: nothing. Out: installed packages, or what to install by hand.
//! Never: starts a service of the machine, or installs a server whose address was given.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// A package that the tests need.
struct Need {
    package: &'static str,
    is_there: fn() -> bool,
    /// The environment variable that makes it unnecessary.
    instead: Option<&'static str>,
}

const NEEDED: [Need; 8] = [
    Need {
        package: "rabbitmq-server",
        is_there: || Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists(),
        instead: Some("CALLOUT_TEST_AMQP_URL"),
    },
    Need {
        package: "redis-server",
        is_there: || Path::new("/usr/bin/redis-server").exists(),
        instead: Some("CALLOUT_TEST_REDIS_URL"),
    },
    Need {
        package: "prometheus-alertmanager",
        is_there: || Path::new("/usr/bin/prometheus-alertmanager").exists(),
        instead: None,
    },
    // With `promtool`, which checks metrics and rules.
    Need { package: "prometheus", is_there: || Path::new("/usr/bin/promtool").exists(), instead: None },
    // Debian packages Python without `venv`.
    Need {
        package: "python3-venv",
        is_there: || succeeds("python3", &["-c", "import ensurepip, venv"]),
        instead: None,
    },
    Need { package: "nodejs", is_there: || succeeds("node", &["--version"]), instead: None },
    Need { package: "npm", is_there: || find("npm").is_some(), instead: None },
    // For `systemd-analyze`; it need not run.
    Need { package: "systemd", is_there: || find("systemd-analyze").is_some(), instead: None },
];

/// Packages run this to ask whether they may start their service; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing, if that is allowed.
#[expect(clippy::disallowed_methods, reason = "a chore may read the environment")]
pub(crate) fn ensure() -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|need| {
            need.instead.is_none_or(|variable| env::var_os(variable).is_none()) && !(need.is_there)()
        })
        .map(|need| need.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing).with_context(|| {
        "running servers can be named with CALLOUT_TEST_AMQP_URL and CALLOUT_TEST_REDIS_URL instead"
            .to_owned()
    })
}

/// Installs packages, if that is allowed.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !is_root()? || find("apt-get").is_none() {
        bail!("the tests need {list}: install it (on Debian: apt-get install {list})");
    }
    crate::output::say(&format!("installing {list}; their services are not started"));
    let quiet = Policy::forbid_services()?;
    let installed = apt(&["update", "--quiet"]).and_then(|()| {
        apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat())
    });
    drop(quiet);
    installed.with_context(|| format!("the tests need {list}"))
}

/// Keeps packages from starting services until it is dropped.
struct Policy {
    is_ours: bool,
}

impl Policy {
    fn forbid_services() -> Result<Self> {
        let is_ours = !Path::new(POLICY).exists();
        if is_ours {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { is_ours })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.is_ours {
            drop(std::fs::remove_file(POLICY));
        }
    }
}

fn apt(args: &[&str]) -> Result<()> {
    let status = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status()?;
    if !status.success() {
        bail!("apt-get {} failed", args.join(" "));
    }
    Ok(())
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("id cannot be started")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

#[expect(clippy::disallowed_methods, reason = "a chore may read the environment")]
fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.exists())
}
