//! Everything that runs: two servers, the simulator, eight processes, and the proxy in front of the callback receivers.
//!
//! In: a plan. Out: something to load and to kill, and `callout` as an operator runs it.
//! Never: uses a server of the machine.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use bus_rabbitmq::{RabbitBus, RabbitConfig};
use domain::workflow::Lane;
use http_client::{Reach, client_builder};
use ports::SystemClock;
use serde_json::Value;
use store_redis::{RedisConfig, RedisStore};
use tempfile::TempDir;
use test_servers::{RabbitMq, RedisCluster, RedisServer};
use tokio::process::Command;
use twilio_sim::{Number, SimConfig, SimHandle, Simulator, Timing};

use crate::{
    event_client::EventClient,
    pause::pause,
    plan::{Plan, ROLES},
    report::Report,
    secrets::{self, Searched},
    settings::{
        self, AMQP_PREFIX, AUTH_TOKEN, Addresses, BROKER_PASSWORD, BROKER_USER, KEY, REDIS_PREFIX,
        STORE_PASSWORD, TokenHolder,
    },
    worker::{Launch, Worker},
};

/// How long the fleet may take to become ready: a few seconds alone, many while a compiler runs on two cores.
const READY_MAX: Duration = Duration::from_secs(120);

/// What a receiver of callbacks logs of a post that it does not take, beside the status that it answers.
const REFUSED_POST: &str = "a post to the callback receiver was not taken";

/// A running fleet.
pub(crate) struct Fleet {
    pub(crate) sim: SimHandle,
    pub(crate) broker: Arc<RabbitMq>,
    pub(crate) redis: Arc<Truth>,
    /// In the order of [`ROLES`].
    pub(crate) workers: Vec<Worker>,
    pub(crate) client: reqwest::Client,
    program: PathBuf,
    env: Vec<(String, String)>,
    folder: TempDir,
    _door: EventClient,
}

/// Redis: one server, or a cluster of three that share the keys.
pub(crate) struct Truth {
    url: String,
    servers: Vec<RedisServer>,
}

impl Truth {
    fn start(is_cluster: bool) -> Self {
        if is_cluster {
            // Without replicas, which may lag: what one server acknowledged, it still has when it comes back.
            let RedisCluster { url, nodes } = RedisCluster::private(false);
            return Self { url, servers: nodes };
        }
        let server = RedisServer::private_with(&format!("--requirepass {STORE_PASSWORD}"));
        let (host, port) = server.address();
        Self { url: format!("redis://:{STORE_PASSWORD}@{host}:{port}/"), servers: vec![server] }
    }

    /// `used_memory` in MB and the number of keys, of one server with the password; nothing while it is away.
    pub(crate) fn memory(&self) -> Option<(f64, u64)> {
        let server = self.servers.first()?;
        let ask = |words: &[&str]| {
            server.ask(&[&["--no-auth-warning", "-a", STORE_PASSWORD] as &[&str], words].concat())
        };
        let info = ask(&["INFO", "memory"]);
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"))?;
        Some((used.trim().parse::<f64>().ok()? / 1e6, ask(&["DBSIZE"]).trim().parse().ok()?))
    }

    /// The servers are killed in turns.
    pub(crate) fn victim(&self, turn: usize) -> Option<&RedisServer> {
        self.servers.get(turn % self.servers.len())
    }
}

/// A broker with a user whose password no log may hold.
fn broker() -> RabbitMq {
    let broker = RabbitMq::private();
    broker.ctl(&["add_user", BROKER_USER, BROKER_PASSWORD]);
    broker.ctl(&["set_permissions", BROKER_USER, ".*", ".*", ".*"]);
    broker
}

fn broker_url(broker: &RabbitMq) -> String {
    broker.url.replace("guest:guest", &format!("{BROKER_USER}:{BROKER_PASSWORD}"))
}

/// Starts a fleet, has something done with it, and stops it; configuration and logs are kept if that went wrong.
pub(crate) async fn with_fleet(
    plan: &Plan,
    say: &(dyn Fn(&str) + Sync),
    work: impl AsyncFnOnce(&Fleet, &mut Report) -> Result<()>,
) -> Result<Report> {
    say("starting RabbitMQ, Redis and the fleet");
    let fleet = Fleet::start(plan).await?;
    let mut report = Report::default();
    let result = work(&fleet, &mut report).await;
    report.kept = fleet.stop(result.is_err() || !report.is_clean()).await;
    if let (Err(_), Some(kept)) = (&result, &report.kept) {
        say(&format!("configuration and logs were kept in {}", kept.display()));
    }
    result.map(|()| report)
}

fn free_addresses(count: usize) -> Result<Vec<SocketAddr>> {
    // Held together, so that they differ.
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    Ok(listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}

impl Fleet {
    pub(crate) async fn start(plan: &Plan) -> Result<Self> {
        let broker = tokio::task::spawn_blocking(broker);
        let is_cluster = plan.is_redis_cluster;
        let redis = Arc::new(tokio::task::spawn_blocking(move || Truth::start(is_cluster)).await?);
        let broker = Arc::new(broker.await?);
        let listening = free_addresses(ROLES.len())?;
        let callbacks = ROLES.iter().zip(&listening).filter(|(role, _)| **role == "callback");
        let event_client = EventClient::open(callbacks.map(|(_, at)| *at).collect()).await?;
        let config = SimConfig {
            // Replies are repeated as statuses are: who runs two receivers sets this on the number.
            numbers: vec![Number {
                number: "+15005550006".to_owned(),
                inbound_url: Some(
                    format!("http://{}/v1/twilio/inbound#rc=5&rp=all", event_client.address).parse()?,
                ),
            }],
            seed: plan.seed,
            timing: Timing { sent_ms: 20, delivered_ms: 60, ..Timing::INSTANT },
            concurrency_max: 1_000,
            // Every text is looked for at the end.
            keep_max: (5 * plan.events).max(SimConfig::default().keep_max),
            auth_token: AUTH_TOKEN.into(),
            ..SimConfig::default()
        };
        let account = config.account_sid.clone();
        let sim = Simulator::start(config).await?;
        let folder = tempfile::Builder::new().prefix("callout-chaos-").tempdir()?;
        let ingest = *listening.first().context("there is an ingest")?;
        settings::write(folder.path(), plan, &Addresses { ingest, public: event_client.address })?;
        let env = [
            ("TWILIO_ACCOUNT_SID", account),
            ("TWILIO_API_BASE", sim.base_url().to_string()),
            ("CALLOUT_KEY_CHAOS", KEY.to_owned()),
            ("CALLOUT_AMQP_URL", broker_url(&broker)),
            ("CALLOUT_REDIS_URL", redis.url.clone()),
            ("CALLOUT_CONFIG", folder.path().join("callout.toml").display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let log = plan.log.iter().map(|filter| ("CALLOUT_LOG".to_owned(), filter.clone()));
        let mut fleet = Self {
            sim,
            broker,
            redis,
            workers: Vec::new(),
            client: client_builder(Reach::Plain).build()?,
            program: plan.callout.clone(),
            env: env.into_iter().chain(log).collect(),
            folder,
            _door: event_client,
        };
        for (index, (role, address)) in ROLES.into_iter().zip(listening).enumerate() {
            let launch = Launch {
                program: fleet.program.clone(),
                args: ["serve", role, "--listen", &address.to_string()].map(str::to_owned).to_vec(),
                env: fleet.env_of(role),
                log: fleet.folder.path().join(format!("{role}-{index}.log")),
            };
            fleet.workers.push(Worker::start(role, address, launch)?);
        }
        fleet.wait_until_ready().await?;
        Ok(fleet)
    }

    /// The environment of a process: that of all, and its files of Twilio's tokens.
    fn env_of(&self, role: &str) -> Vec<(String, String)> {
        let files = TokenHolder::of(role).files(self.folder.path()).map(|file| file.display().to_string());
        let names = ["TWILIO_AUTH_TOKEN_FILE", "TWILIO_AUTH_TOKEN_NEXT_FILE"].map(str::to_owned);
        self.env.iter().cloned().chain(names.into_iter().zip(files)).collect()
    }

    /// The folder of the configuration, of what it refers to and of the logs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until every process answers that it is ready.
    #[expect(clippy::disallowed_methods, reason = "real processes are given so long")]
    pub(crate) async fn wait_until_ready(&self) -> Result<()> {
        let asking = async {
            for worker in &self.workers {
                let url = format!("http://{}/readyz", worker.address);
                while !self.client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                    pause(Duration::from_millis(20)).await;
                }
            }
        };
        if tokio::time::timeout(READY_MAX, asking).await.is_err() {
            bail!("the fleet was not ready in time; its logs are in {}", self.folder.path().display());
        }
        Ok(())
    }

    /// Where events are posted.
    pub(crate) fn events_url(&self) -> String {
        let ingest = self.workers.iter().find(|worker| worker.role == "ingest");
        ingest.map(|ingest| format!("http://{}/v1/events", ingest.address)).unwrap_or_default()
    }

    /// A producer's own way to the exchange.
    pub(crate) async fn bus(&self) -> Result<Arc<RabbitBus>> {
        let lanes = [
            ("note.created", Lane::Standard),
            ("page.created", Lane::Critical),
            ("burst.created", Lane::Critical),
        ];
        let lanes = lanes.map(|(kind, lane)| (kind.to_owned(), lane)).into();
        let config = RabbitConfig {
            prefix: AMQP_PREFIX.to_owned(),
            ..RabbitConfig::new(broker_url(&self.broker), lanes)
        };
        Ok(RabbitBus::connect(config, Arc::new(SystemClock)).await?)
    }

    /// The store, opened as the processes open it.
    pub(crate) async fn store(&self) -> Result<Arc<RedisStore>> {
        let config = RedisConfig {
            key_prefix: REDIS_PREFIX.to_owned(),
            ..RedisConfig::new(&self.redis.url, Arc::new(SystemClock))
        };
        Ok(RedisStore::connect(config).await?)
    }

    /// Runs `callout` to its end: whether it succeeded, and what it printed.
    pub(crate) async fn callout(&self, args: &[&str]) -> Result<(bool, String)> {
        let output = Command::new(&self.program).args(args).envs(self.env_of("sender")).output().await?;
        let printed = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&printed).into_owned()))
    }

    /// `callout audit`, and whether it balances.
    pub(crate) async fn audit(&self) -> Result<(bool, Value)> {
        let (balances, printed) = self.callout(&["audit", "--output", "json"]).await?;
        Ok((balances, serde_json::from_str(&printed).with_context(|| printed.clone())?))
    }

    /// Searches the logs for what they may not hold.
    pub(crate) fn search_logs(&self) -> Result<Searched> {
        secrets::search(self.folder.path())
    }

    /// How many posts of the provider were refused because their signature fits none of its tokens; of many within a
    /// minute, the first alone are logged.
    pub(crate) fn refused_posts(&self) -> Result<u64> {
        secrets::count(self.folder.path(), &[REFUSED_POST, "\"status\":403"])
    }

    /// How often processes ended without being killed, because a server was missing.
    pub(crate) fn exits(&self) -> u64 {
        self.workers.iter().map(Worker::exits).sum()
    }

    /// Stops everything. Keeps the configuration and the logs if the run failed, and says where.
    pub(crate) async fn stop(self, keeps: bool) -> Option<PathBuf> {
        drop(self.workers);
        self.sim.shutdown().await;
        keeps.then(|| self.folder.keep())
    }
}
