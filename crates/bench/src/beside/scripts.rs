//! Scripts on BullMQ or Celery as processes, with a Redis of their own and a simulator in this process. In: where they are installed.
//! Out: something to load, to kill and to measure.
//!
//! Never: gives them less than callout gets: the same requests, the same provider, and as many requests open.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Result, bail};
use serde_json::Value;
use test_servers::{RedisServer, free_port};
use twilio_sim::{Number, SimConfig, SimHandle, Simulator, Timing};

use crate::{
    args::Beside,
    door::{BUSY, Door},
    process::{self, restart},
};

/// The scripts, one process each: Node.js and Python have one thread for what they do.
const SCRIPTS: [&str; 3] = ["door", "receiver", "worker"];

/// How both are wanted.
pub(crate) struct Wanted {
    /// Requests to the provider that may be open at once.
    pub(crate) in_flight_max: usize,
    /// Whether the provider posts no callbacks.
    pub(crate) is_bare: bool,
    /// What the scripts do with a job that was begun before: `send` its text again, or `leave` it.
    pub(crate) on_doubt: &'static str,
}

/// The running scripts and their provider.
pub(crate) struct Scripts {
    pub(crate) sim: SimHandle,
    pub(crate) door: Door,
    redis: RedisServer,
    processes: Vec<Script>,
}

struct Script {
    name: &'static str,
    command: Command,
    child: Child,
}

/// How a script is started, as its users do.
fn script(beside: Beside, packages: &Path, name: &str, in_flight_max: usize, address: SocketAddr) -> Command {
    if beside == Beside::Bullmq {
        let mut command = Command::new("node");
        command.arg(packages.join(format!("{name}.js")));
        return command;
    }
    let mut command = Command::new(packages.join("bin/python"));
    command.current_dir(packages).arg("-m");
    if name == "worker" {
        // Its greenlets wait for the provider, as a pool of processes could not.
        command.args([
            "celery",
            "--quiet",
            "--app",
            "worker",
            "worker",
            "--pool",
            "gevent",
            "--loglevel",
            "ERROR",
        ]);
        command.args(["--concurrency", &in_flight_max.to_string()]);
    } else {
        command.args(["uvicorn", &format!("{name}:app"), "--log-level", "warning", "--no-access-log"]);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
    }
    command
}

impl Scripts {
    pub(crate) async fn start(beside: Beside, packages: &Path, wanted: &Wanted) -> Result<Self> {
        let redis = tokio::task::spawn_blocking(RedisServer::private).await?;
        let config = SimConfig {
            numbers: vec![Number::from("+15005550006")],
            timing: Timing::INSTANT,
            concurrency_max: 2 * wanted.in_flight_max,
            ..SimConfig::default()
        };
        let (account, token) = (config.account_sid.clone(), config.auth_token.expose().to_owned());
        let sim = Simulator::start(config).await?;
        let [door, receiver] =
            [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let mut env = vec![
            ("NODE_ENV", "production".to_owned()),
            ("REDIS_URL", redis.url.clone()),
            ("SOURCE_KEY", BUSY.1.to_owned()),
            ("CONCURRENCY", wanted.in_flight_max.to_string()),
            ("ON_DOUBT", wanted.on_doubt.to_owned()),
            ("TWILIO_API_BASE", sim.base_url().to_string()),
            ("TWILIO_ACCOUNT_SID", account),
            ("TWILIO_AUTH_TOKEN", token),
            ("TWILIO_FROM", "+15005550006".to_owned()),
        ];
        if !wanted.is_bare {
            env.push(("PUBLIC_URL", format!("http://{receiver}")));
        }
        let mut processes = Vec::new();
        for name in SCRIPTS.into_iter().filter(|name| !(wanted.is_bare && *name == "receiver")) {
            let address = if name == "receiver" { receiver } else { door };
            let mut command = script(beside, packages, name, wanted.in_flight_max, address);
            command
                .envs(env.iter().map(|(name, value)| (name, value)))
                .env("PORT", address.port().to_string())
                .stdin(Stdio::null());
            let child = command.spawn()?;
            processes.push(Script { name, command, child });
        }
        let mut scripts = Self { sim, door: Door::new(format!("http://{door}"))?, redis, processes };
        scripts.wait_until_ready(receiver, wanted.is_bare).await?;
        Ok(scripts)
    }

    /// Until the door knows of a worker, and the receiver refuses what is not signed.
    async fn wait_until_ready(&mut self, receiver: SocketAddr, is_bare: bool) -> Result<()> {
        let mut tries = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..1_500 {
            tries.tick().await;
            let workers = self.workers().await.unwrap_or_default();
            let receives =
                is_bare || self.door.client.get(format!("http://{receiver}/status")).send().await.is_ok();
            if workers > 0 && receives {
                return Ok(());
            }
            for Script { name, child, .. } in &mut self.processes {
                if let Some(status) = child.try_wait()? {
                    bail!("the script {name} ended with {status}");
                }
            }
        }
        bail!("the scripts did not become ready")
    }

    /// How many the door knows of.
    async fn workers(&self) -> Result<u64> {
        let answer = self.door.client.get(&self.door.url).send().await?.text().await?;
        Ok(serde_json::from_str::<Value>(&answer)?["workers"].as_u64().unwrap_or_default())
    }

    /// Kills the worker with SIGKILL, and starts it again.
    pub(crate) fn kill_worker(&mut self) -> Result<()> {
        let workers = self.processes.iter_mut().filter(|script| script.name == "worker");
        workers.into_iter().try_for_each(|Script { command, child, .. }| restart(command, child))
    }

    /// CPU time used so far, in seconds, by process.
    pub(crate) fn cpu_s(&self) -> Result<BTreeMap<&'static str, f64>> {
        let mut used = BTreeMap::new();
        for Script { name, child, .. } in &self.processes {
            used.insert(*name, process::cpu_s(child.id())?);
        }
        let redis = self.redis.processes();
        // A helper may have ended since it was listed.
        used.insert("Redis", redis.into_iter().filter_map(|pid| process::cpu_s(pid).ok()).sum());
        Ok(used)
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        // Also when a figure fails. One that has ended cannot be killed, which does no harm.
        for Script { child, .. } in &mut self.processes {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
