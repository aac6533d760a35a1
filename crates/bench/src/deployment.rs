//! `callout serve` as a process, and a simulator in this one. In: the binary and a provider latency.
//! Out: something to load.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use ports::{Clock as _, SystemClock};
use serde_json::Value;
use tempfile::TempDir;
use twilio_sim::{FaultPlan, Number, SimConfig, SimHandle, Simulator, Timing};

use crate::{
    args::IN_FLIGHT_MAX,
    door::{BUSY, Door, PAGER, QUIET},
    process::{self, restart},
};

/// What signs webhooks: the secret of nothing but a benchmark.
const WEBHOOK_SECRET: &str = "whsec_Y2FsbG91dC1iZW5jaG1hcmstb25seS1zZWNyZXQ=";

/// Everything on: a schema, a policy, a delivery deadline.
pub(crate) const WORKFLOW: &str = r#"
event = "note.created"
stage = "live"
on_doubt = "hold"
template = "Order {{ number }} is on its way."
[schema]
type = "object"
required = ["number", "phone"]
properties = { number = { type = "string" }, phone = { type = "string" } }
[[step]]
notify = ["field:phone"]
deliver_within = "1h"
"#;

/// A running callout and its provider.
pub(crate) struct Deployment {
    pub(crate) sim: SimHandle,
    pub(crate) door: Door,
    command: Command,
    child: Child,
    /// Removed after the process that has its files open.
    folder: TempDir,
    callout: PathBuf,
}

/// What only some deployments have.
#[derive(Default)]
pub(crate) struct Extras {
    /// How many open files are allowed.
    pub(crate) files: Option<u32>,
    /// What `integrations.toml` says.
    pub(crate) destinations: Option<String>,
    /// Whether what it stores is encrypted.
    pub(crate) is_sealed: bool,
    /// Another number of requests that it keeps open at once.
    pub(crate) in_flight_max: Option<usize>,
    /// Workflows beside the usual one, by name.
    pub(crate) workflows: Vec<(&'static str, String)>,
}

/// The section by which a store is encrypted, and its key beside `callout.toml`.
pub(crate) fn privacy(callout: &Path, folder: &Path) -> Result<&'static str> {
    let made = Command::new(callout).args(["privacy", "new-key", "bench"]).stdin(Stdio::null()).output()?;
    ensure!(made.status.success(), "callout privacy new-key ended with {}", made.status);
    let path = folder.join("privacy.key");
    std::fs::write(&path, made.stdout)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok("[privacy]\nkey_file = \"privacy.key\"\n")
}

/// The usual workflow, and others by name.
pub(crate) fn write_workflows(folder: &Path, more: &[(&str, String)]) -> Result<()> {
    let workflows = folder.join("workflows");
    std::fs::create_dir(&workflows)?;
    std::fs::write(workflows.join("note.toml"), WORKFLOW)?;
    let critical = WORKFLOW.replace("note.created", "page.created");
    std::fs::write(workflows.join("page.toml"), format!("lane = \"critical\"\n{critical}"))?;
    for (name, text) in more {
        std::fs::write(workflows.join(name).with_extension("toml"), text)?;
    }
    Ok(())
}

impl Deployment {
    pub(crate) async fn start(callout: &Path, latency_ms: u64) -> Result<Self> {
        Self::start_with(callout, latency_ms, Extras::default()).await
    }

    pub(crate) async fn start_with(callout: &Path, latency_ms: u64, extras: Extras) -> Result<Self> {
        let Extras { files, destinations, is_sealed, in_flight_max, workflows } = extras;
        let in_flight_max = in_flight_max.unwrap_or(IN_FLIGHT_MAX);
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let url = format!("http://{address}");
        let config = SimConfig {
            numbers: vec![Number::from("+15005550006")],
            timing: Timing::INSTANT,
            faults: FaultPlan { latency_ms, ..FaultPlan::default() },
            concurrency_max: 2 * in_flight_max,
            ..SimConfig::default()
        };
        let (account, token) = (config.account_sid.clone(), config.auth_token.clone());
        let sim = Simulator::start(config).await?;
        let folder = tempfile::tempdir()?;
        write_workflows(folder.path(), &workflows)?;
        let settings = format!(
            "environment = \"test\"\n[http]\nlisten = \"{address}\"\n[log]\nfilter = \"warn\"\n\
             [twilio]\nfrom = \"+15005550006\"\npublic_url = \"{url}\"\nin_flight_max = {in_flight_max}\n\
             [[source]]\nname = \"bench\"\ntypes = [\"*\"]\nkey_env = [\"CALLOUT_KEY_BENCH\"]\n\
             [[source]]\nname = \"quiet\"\ntypes = [\"*\"]\nkey_env = [\"CALLOUT_KEY_QUIET\"]\n\
             [[source]]\nname = \"pager\"\ntypes = [\"*\"]\nkey_env = [\"CALLOUT_KEY_PAGER\"]\n"
        );
        let sealing = if is_sealed { privacy(callout, folder.path())? } else { "" };
        std::fs::write(folder.path().join("callout.toml"), settings + sealing)?;
        if let Some(destinations) = destinations {
            std::fs::write(folder.path().join("integrations.toml"), destinations)?;
        }
        let limit = files.map_or(String::new(), |files| format!("ulimit -n {files}; "));
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{limit}exec \"$@\""), "sh"])
            .arg(callout)
            .args(["serve", "--config"])
            .arg(folder.path().join("callout.toml"))
            .env("TWILIO_ACCOUNT_SID", account)
            .env("TWILIO_AUTH_TOKEN", token.expose())
            .env("TWILIO_API_BASE", sim.base_url().as_str())
            .env("CALLOUT_KEY_BENCH", BUSY.1)
            .env("CALLOUT_KEY_QUIET", QUIET.1)
            .env("CALLOUT_KEY_PAGER", PAGER.1)
            .env("CALLOUT_BENCH_SECRET", WEBHOOK_SECRET)
            .stdin(Stdio::null());
        let child = command.spawn()?;
        let callout = callout.to_owned();
        let mut deployment = Self { sim, door: Door::new(url)?, command, child, folder, callout };
        deployment.wait_until_ready().await?;
        Ok(deployment)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let mut tries = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..3_000 {
            tries.tick().await;
            let answer = self.door.client.get(format!("{}/readyz", self.door.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("callout ended with {status}");
            }
        }
        bail!("callout did not become ready")
    }

    /// Kills it with SIGKILL, and starts it again on the same files.
    pub(crate) fn kill(&mut self) -> Result<()> {
        restart(&mut self.command, &mut self.child)
    }

    /// Has it end, so that its database is free.
    pub(crate) async fn end(&mut self) -> Result<()> {
        process::end(&mut self.child).await
    }

    /// Starts it again on the same files. Returns how long it took until it was ready, in milliseconds.
    pub(crate) async fn start_again(&mut self) -> Result<f64> {
        let begun = SystemClock.now();
        self.child = self.command.spawn()?;
        self.wait_until_ready().await?;
        Ok(SystemClock.now().duration_since(begun).as_secs_f64() * 1_000.0)
    }

    /// Its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("callout.db")
    }

    /// A command for its operator.
    pub(crate) fn operate(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.callout);
        command.args(args).arg("--config").arg(self.folder.path().join("callout.toml"));
        command
    }

    /// What `callout audit` counts.
    pub(crate) fn audit(&self) -> Result<Value> {
        let mut command = self.operate(&["audit", "--output", "json"]);
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "callout audit ended with {}", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    pub(crate) fn cpu_s(&self) -> Result<f64> {
        process::cpu_s(self.child.id())
    }

    pub(crate) fn resident_mb(&self) -> Result<f64> {
        Ok(process::memory_mb(self.child.id(), "VmRSS")?)
    }

    pub(crate) fn peak_mb(&self) -> Result<f64> {
        Ok(process::memory_mb(self.child.id(), "VmHWM")?)
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        // Also when a figure fails. One that has ended cannot be killed, which does no harm.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
