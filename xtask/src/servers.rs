//! The servers that tests start for themselves: RabbitMQ and Redis from the distribution's packages.
//!
//! In: nothing. Out: installed packages, or what to install by hand.
//! Never: starts a service of the machine, or installs anything where an address was given instead.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// A package, a file that shows that it is there, and the variable that makes it unnecessary.
const NEEDED: [(&str, &str, &str); 2] = [
    ("rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server", "CALLOUT_TEST_AMQP_URL"),
    ("redis-server", "/usr/bin/redis-server", "CALLOUT_TEST_REDIS_URL"),
];

/// Asked by packages whether they may start their service; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing, where that is allowed.
#[expect(clippy::disallowed_methods, reason = "a chore may read the environment")]
pub(crate) fn ensure() -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(_, file, variable)| !Path::new(file).exists() && env::var_os(variable).is_none())
        .map(|(package, _, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !is_root()? || find("apt-get").is_none() {
        bail!(
            "the tests need {list}: install it (on Debian: apt-get install {list}), or name running servers with \
             CALLOUT_TEST_AMQP_URL and CALLOUT_TEST_REDIS_URL"
        );
    }
    crate::say(&format!("installing {list}; their services are not started"));
    let quiet = Policy::forbid_services()?;
    let installed = apt(&["update", "--quiet"]).and_then(|()| {
        apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], missing.as_slice()].concat())
    });
    drop(quiet);
    installed.with_context(|| format!("the tests need {list}"))
}

/// Keeps packages from starting services while it lives.
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

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("id cannot be started")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

#[expect(clippy::disallowed_methods, reason = "a chore may read the environment")]
fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.exists())
}
