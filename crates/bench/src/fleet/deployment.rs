//! A fleet of processes on servers of its own, and a simulator in this process. In: how many senders. Out: something to
//! load and to measure.
//!
//! Never: uses a server of the machine.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use bus_rabbitmq::{RabbitBus, RabbitConfig};
use domain::workflow::Lane;
use ports::{Clock as _, SystemClock};
use tempfile::TempDir;
use test_servers::{RabbitMq, RedisCluster, RedisServer, free_port};
use twilio_sim::{FaultPlan, Number, SimConfig, SimHandle, Simulator, Timing};

use crate::{
    deployment::{privacy, write_workflows},
    door::{BUSY, Door},
    process::{self, restart},
};

/// What names on the broker begin with.
const PREFIX: &str = "bench.";

/// What this process is called where processes are measured.
pub(crate) const LOAD: &str = "simulator and load";

/// How events come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ingress {
    /// Published to the exchange by their producer.
    Exchange,
    /// Posted to ingest.
    Http,
}

impl Ingress {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exchange => "to the exchange",
            Self::Http => "over HTTP",
        }
    }
}

/// What a fleet is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Processes that send.
    pub(crate) senders: usize,
    /// Requests to the provider that they keep open, all together.
    pub(crate) in_flight_max: usize,
    /// How long the provider takes for one.
    pub(crate) latency_ms: u64,
    /// Whether what it stores is encrypted.
    pub(crate) is_sealed: bool,
    /// Whether the store is on three primaries of a Redis Cluster instead of one server.
    pub(crate) is_redis_cluster: bool,
}

/// A running fleet.
pub(crate) struct Fleet {
    pub(crate) sim: SimHandle,
    pub(crate) bus: Arc<RabbitBus>,
    pub(crate) door: Door,
    pub(crate) latency_ms: u64,
    broker: Arc<RabbitMq>,
    /// One server, or the primaries of a cluster, of which the first knows the others.
    redis: Vec<RedisServer>,
    workers: Vec<Worker>,
    folder: TempDir,
    callout: PathBuf,
    env: Vec<(&'static str, String)>,
}

/// A process of one role.
struct Worker {
    role: &'static str,
    address: SocketAddr,
    command: Command,
    child: Child,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Also when a figure fails. One that has ended cannot be killed, which does no harm.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Fleet {
    pub(crate) async fn start(callout: &Path, size: Size) -> Result<Self> {
        Self::start_with(callout, size, &[]).await
    }

    /// With workflows beside the usual one, by name.
    pub(crate) async fn start_with(
        callout: &Path,
        size: Size,
        workflows: &[(&'static str, String)],
    ) -> Result<Self> {
        let Size { senders, in_flight_max, latency_ms, is_sealed, is_redis_cluster } = size;
        let broker = tokio::task::spawn_blocking(RabbitMq::private);
        let redis = tokio::task::spawn_blocking(move || match is_redis_cluster {
            true => RedisCluster::private(false).nodes,
            false => vec![RedisServer::private()],
        });
        let redis = redis.await?;
        let broker = Arc::new(broker.await?);
        let roles = [&["ingest", "callback", "escalation"][..], &vec!["sender"; senders]].concat();
        let address = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let roles: Vec<(&'static str, SocketAddr)> =
            roles.into_iter().map(|role| (role, address())).collect();
        let [(_, ingest), (_, callback), ..] = roles[..] else {
            bail!("a fleet has an ingest and a callback")
        };
        let config = SimConfig {
            numbers: vec![Number::from("+15005550006")],
            timing: Timing::INSTANT,
            faults: FaultPlan { latency_ms, ..FaultPlan::default() },
            concurrency_max: 2 * in_flight_max,
            ..SimConfig::default()
        };
        let (account, token) = (config.account_sid.clone(), config.auth_token.expose().to_owned());
        let sim = Simulator::start(config).await?;
        let folder = tempfile::tempdir()?;
        let sealing = if is_sealed { privacy(callout, folder.path())? } else { "" };
        write_workflows(folder.path(), workflows)?;
        write_settings(folder.path(), ingest, callback, in_flight_max, sealing)?;
        let env = vec![
            ("TWILIO_ACCOUNT_SID", account),
            ("TWILIO_AUTH_TOKEN", token),
            ("TWILIO_API_BASE", sim.base_url().to_string()),
            ("CALLOUT_KEY_BENCH", BUSY.1.to_owned()),
            ("CALLOUT_AMQP_URL", broker.url.clone()),
            ("CALLOUT_REDIS_URL", redis.first().map(|server| server.url.clone()).unwrap_or_default()),
            ("CALLOUT_CONFIG", folder.path().join("callout.toml").display().to_string()),
        ];
        let mut workers = Vec::new();
        for (role, address) in roles {
            let mut command = Command::new(callout);
            command
                .args(["serve", role, "--listen", &address.to_string()])
                .envs(env.iter().map(|(name, value)| (name, value)))
                .stdin(Stdio::null());
            let child = command.spawn()?;
            workers.push(Worker { role, address, command, child });
        }
        let lanes = [("note.created".to_owned(), Lane::Standard)].into();
        let config = RabbitConfig { prefix: PREFIX.to_owned(), ..RabbitConfig::new(&broker.url, lanes) };
        let bus = RabbitBus::connect(config, Arc::new(SystemClock)).await?;
        let door = Door::new(format!("http://{ingest}"))?;
        let callout = callout.to_owned();
        let mut fleet = Self { sim, bus, door, latency_ms, broker, redis, workers, folder, callout, env };
        fleet.wait_until_ready().await?;
        Ok(fleet)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let mut tries = tokio::time::interval(Duration::from_millis(20));
        for Worker { role, address, child, .. } in &mut self.workers {
            let ready = format!("http://{address}/readyz");
            for left in (0..1_500).rev() {
                tries.tick().await;
                let answer = self.door.client.get(&ready).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                if let Some(status) = child.try_wait()? {
                    bail!("{role} ended with {status}");
                }
                if left == 0 {
                    bail!("{role} did not become ready");
                }
            }
        }
        Ok(())
    }

    /// The server of the store, or the first of its cluster.
    pub(crate) fn redis(&self) -> Result<&RedisServer> {
        self.redis.first().context("a fleet has a store")
    }

    /// CPU time used so far, in seconds: by role, by the servers, and by this process.
    pub(crate) fn cpu_s(&self) -> Result<BTreeMap<&'static str, f64>> {
        let mut used: BTreeMap<&'static str, f64> = BTreeMap::new();
        for Worker { role, child, .. } in &self.workers {
            *used.entry(role).or_default() += process::cpu_s(child.id())?;
        }
        // A helper may have ended since it was listed.
        let of = |pids: Vec<u32>| pids.into_iter().filter_map(|pid| process::cpu_s(pid).ok()).sum::<f64>();
        used.insert("RabbitMQ", of(self.broker.processes()));
        let shards: Vec<f64> = self.redis.iter().map(|server| of(server.processes())).collect();
        used.insert("Redis", shards.iter().sum());
        if let [first, _, ..] = shards[..] {
            used.insert("the first shard of Redis", first);
        }
        used.insert(LOAD, process::cpu_s(std::process::id())?);
        Ok(used)
    }

    /// Resident memory at the highest, in MB, of the largest process of each role.
    pub(crate) fn peak_mb(&self) -> Result<BTreeMap<&'static str, f64>> {
        let mut peaks: BTreeMap<&'static str, f64> = BTreeMap::new();
        for Worker { role, child, .. } in &self.workers {
            let peak = peaks.entry(role).or_default();
            *peak = peak.max(process::memory_mb(child.id(), "VmHWM")?);
        }
        Ok(peaks)
    }

    /// Resident memory, in MB: of callout's processes together, and of the broker's.
    pub(crate) fn resident_mb(&self) -> Result<(f64, f64)> {
        let of = |pid| process::memory_mb(pid, "VmRSS");
        let ours = self.workers.iter().map(|worker| of(worker.child.id())).sum::<std::io::Result<f64>>()?;
        // A helper may have ended since it was listed.
        let broker = self.broker.processes().into_iter().filter_map(|pid| of(pid).ok()).sum();
        Ok((ours, broker))
    }

    /// A command for its operator.
    pub(crate) fn operate(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.callout);
        command.args(args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Kills what has this role with SIGKILL, and starts it again. Returns how long it took until all are ready, in
    /// milliseconds.
    pub(crate) async fn restart(&mut self, role: &str) -> Result<f64> {
        let begun = SystemClock.now();
        for Worker { command, child, .. } in self.workers.iter_mut().filter(|worker| worker.role == role) {
            restart(command, child)?;
        }
        self.wait_until_ready().await?;
        Ok(SystemClock.now().duration_since(begun).as_secs_f64() * 1_000.0)
    }

    /// Messages that the broker routed into queues since it started: what was published, and what expired on its way
    /// through a delay queue.
    pub(crate) async fn hops(&self) -> Result<f64> {
        let broker = self.broker.clone();
        let counters = tokio::task::spawn_blocking(move || broker.counters()).await?;
        let of =
            |name: &str| counters.get(name).copied().with_context(|| format!("the broker counts no {name}"));
        Ok((of("messages_received_total")? + of("messages_dead_lettered_expired_total")?) as f64)
    }

    /// Kills each sender with SIGKILL, and starts it again.
    pub(crate) fn kill_senders(&mut self) -> Result<()> {
        let senders = self.workers.iter_mut().filter(|worker| worker.role == "sender");
        senders.into_iter().try_for_each(|Worker { command, child, .. }| restart(command, child))
    }

    /// Stops everything, and takes the files away.
    pub(crate) async fn stop(mut self) -> Result<()> {
        for Worker { child, .. } in &mut self.workers {
            child.kill()?;
            child.wait()?;
        }
        self.sim.shutdown().await;
        Ok(self.folder.close()?)
    }
}

fn write_settings(
    folder: &Path,
    ingest: SocketAddr,
    callback: SocketAddr,
    in_flight_max: usize,
    sealing: &str,
) -> Result<()> {
    let settings = format!(
        "environment = \"test\"\n[http]\nlisten = \"{ingest}\"\n[log]\nfilter = \"warn\"\n\
         [twilio]\nfrom = \"+15005550006\"\npublic_url = \"http://{callback}\"\nin_flight_max = {in_flight_max}\n\
         [[source]]\nname = \"bench\"\ntypes = [\"*\"]\nkey_env = [\"CALLOUT_KEY_BENCH\"]\n\
         [backend]\nkind = \"fleet\"\namqp_prefix = \"{PREFIX}\"\n{sealing}"
    );
    Ok(std::fs::write(folder.join("callout.toml"), settings)?)
}
