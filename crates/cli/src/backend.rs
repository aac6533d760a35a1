//! Opens the backend that is configured. In: configuration and secrets. Out: a store and a bus.
//!
//! Never: lets a role know which one it is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use bus_rabbitmq::{DelayMode, Grant, PublisherAuth, RabbitBus, RabbitConfig, TopologyMode};
use config::{Config, FleetSecrets, FleetSettings, TlsFiles};
use domain::workflow::Lane;
use embedded::{Embedded, EmbeddedConfig};
use jiff::SignedDuration;
use ports::{Bus, Clock, Dependency, Store};
use runtime::{Outbox, Sweep};
use sealing::KeyFile;
use store_redis::{Durability, RedisConfig, RedisStore};

use crate::on_demand_bus::OnDemandBus;

/// What `max_pages` of the embedded backend counts, in bytes.
const SQLITE_PAGE_BYTES: u32 = 4_096;

/// How long a process that serves waits at its start for a broker that is away, as it does for Redis. What starts it
/// again, such as systemd, waits longer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(6);

/// An open backend.
pub(crate) enum Backend {
    /// One SQLite file.
    Embedded(Embedded),
    /// RabbitMQ and Redis.
    Fleet(Arc<Outbox>, Arc<RabbitBus>, Arc<RedisStore>),
    /// RabbitMQ and Redis, for an operator's command.
    Operator(Arc<OnDemandBus>, Arc<RedisStore>),
}

/// Where the control socket is, if the backend needs one: operators reach a fleet's servers directly.
pub(crate) fn control_socket(backend: &config::Backend) -> Option<PathBuf> {
    match backend {
        config::Backend::Embedded { path, .. } => {
            // Beside the database itself, also for those who name it by a link.
            Some(beside(&embedded::real_path(path).unwrap_or_else(|_| path.clone()), ".sock"))
        }
        config::Backend::Fleet(_) => None,
    }
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

impl Backend {
    /// Opens what the configuration names.
    pub(crate) async fn open(
        config: &Config,
        secrets: Option<&FleetSecrets>,
        clock: Arc<dyn Clock>,
        sweeps: Sweep,
    ) -> anyhow::Result<Self> {
        match &config.infrastructure.backend {
            config::Backend::Embedded { path, max_mb } => {
                let mut settings = EmbeddedConfig::new(path.clone(), lanes(config), clock);
                settings.key_file = key_file(config)?;
                settings.max_pages = max_mb.map(|mb| mb.saturating_mul(1_000_000 / SQLITE_PAGE_BYTES));
                Ok(Self::Embedded(Embedded::open(settings)?))
            }
            config::Backend::Fleet(fleet) => {
                let secrets = secrets.context("a fleet needs the addresses of its servers")?;
                let store = RedisStore::connect(redis_config(config, fleet, secrets, clock.clone())?).await?;
                let mut rabbit = rabbit_config(config, fleet, &secrets.amqp_url)?;
                rabbit.patience = PATIENCE;
                let bus = RabbitBus::connect(rabbit, clock.clone()).await?;
                Ok(Self::Fleet(Outbox::new(bus.clone(), store.clone(), clock, sweeps), bus, store))
            }
        }
    }

    /// Opens what an operator's command reads. Connecting writes nothing to the store. The broker is reached only if the
    /// command publishes something, and nothing is declared there.
    pub(crate) async fn open_for_operator(
        config: &Config,
        secrets: Option<&FleetSecrets>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let config::Backend::Fleet(fleet) = &config.infrastructure.backend else {
            return Self::open(config, secrets, clock, Sweep::Elsewhere).await;
        };
        let secrets = secrets.context("a fleet needs the addresses of its servers")?;
        let redis = redis_config(config, fleet, secrets, clock.clone())?;
        let store = RedisStore::connect_for_operator(redis).await?;
        let mut rabbit = rabbit_config(config, fleet, &secrets.amqp_url)?;
        rabbit.topology = TopologyMode::Verify;
        Ok(Self::Operator(Arc::new(OnDemandBus::new(rabbit, clock)), store))
    }

    /// The store.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Embedded(embedded) => embedded.store(),
            Self::Fleet(_, _, store) | Self::Operator(_, store) => store.clone(),
        }
    }

    /// Wake-ups and events.
    pub(crate) fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Embedded(embedded) => embedded.bus(),
            Self::Fleet(bus, ..) => bus.clone(),
            Self::Operator(bus, _) => bus.clone(),
        }
    }

    /// What the roles of this process need, by the name that operators know.
    pub(crate) fn dependencies(&self) -> Vec<(&'static str, Arc<dyn Dependency>)> {
        match self {
            Self::Embedded(embedded) => vec![("database", embedded.dependency())],
            Self::Fleet(_, bus, store) => vec![("rabbitmq", bus.clone()), ("redis", store.clone())],
            Self::Operator(_, store) => vec![("redis", store.clone())],
        }
    }

    /// The write-ahead log of an embedded database.
    pub(crate) fn wal(backend: &config::Backend) -> Option<PathBuf> {
        match backend {
            config::Backend::Embedded { path, .. } => {
                Some(beside(&embedded::real_path(path).unwrap_or_else(|_| path.clone()), "-wal"))
            }
            config::Backend::Fleet(_) => None,
        }
    }

    /// Lets go of files and connections.
    pub(crate) async fn close(self) {
        match self {
            Self::Embedded(embedded) => embedded.close().await,
            // Connections close when nobody holds them any more; what was published is confirmed.
            Self::Fleet(outbox, ..) => outbox.flush().await,
            Self::Operator(..) => {}
        }
    }
}

/// The certificates and keys of a file that the configuration names.
pub(crate) fn read_pem(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The keys by which texts and numbers are encrypted.
fn key_file(config: &Config) -> anyhow::Result<Option<KeyFile>> {
    Ok(config.infrastructure.key_file.as_ref().map(|keys| KeyFile::read(&keys.path)).transpose()?)
}

fn redis_config(
    config: &Config,
    fleet: &FleetSettings,
    secrets: &FleetSecrets,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<RedisConfig> {
    let mut redis = RedisConfig::new(&secrets.redis_url, clock);
    redis.key_file = key_file(config)?;
    let TlsFiles { ca, client } = &fleet.redis_tls;
    redis.ca_pem = ca.as_deref().map(read_pem).transpose()?;
    if let Some((certificate, key)) = client {
        redis.client_pem = Some((read_pem(certificate)?, read_pem(key)?));
    }
    if fleet.trust_redis_settings {
        redis.durability = Durability::Vouched;
    }
    if let Some(prefix) = &fleet.redis_prefix {
        redis.key_prefix.clone_from(prefix);
    }
    Ok(redis)
}

/// The lane of every event type that a workflow names.
pub(crate) fn lanes(config: &Config) -> BTreeMap<String, Lane> {
    let types = config.workflows.iter().flat_map(|workflow| {
        let definition = &workflow.definition;
        let types = [Some(definition.event.clone()), definition.resolved_by.clone()];
        types.into_iter().flatten().map(|kind| (kind, definition.lane))
    });
    types.collect()
}

/// How the bus is to be made.
pub(crate) fn rabbit_config(
    config: &Config,
    fleet: &FleetSettings,
    url: &str,
) -> anyhow::Result<RabbitConfig> {
    let mut rabbit = RabbitConfig::new(url, lanes(config));
    let TlsFiles { ca, client } = &fleet.amqp_tls;
    rabbit.ca_pem = ca.as_deref().map(read_pem).transpose()?;
    if let Some((certificate, key)) = client {
        rabbit.client_pem = Some((read_pem(certificate)?, read_pem(key)?));
    }
    rabbit.connection_name = format!("callout/{}", std::process::id());
    if fleet.delay_plugin {
        rabbit.delay = DelayMode::Plugin;
    }
    if fleet.verify_topology {
        rabbit.topology = TopologyMode::Verify;
    }
    rabbit.announces_ends = fleet.publishes_outcomes;
    if let Some(prefix) = &fleet.amqp_prefix {
        rabbit.prefix.clone_from(prefix);
    }
    rabbit.publisher_auth = publisher_auth(config, fleet);
    Ok(rabbit)
}

/// Broker users are checked once one is configured: until then everybody who may write to the exchange may send anything.
fn publisher_auth(config: &Config, fleet: &FleetSettings) -> Option<PublisherAuth> {
    let producers: BTreeMap<String, Grant> = config
        .infrastructure
        .sources
        .iter()
        .filter_map(|source| {
            let user = source.amqp_user.clone()?;
            Some((user, Grant { source: source.name.clone(), types: source.types.clone() }))
        })
        .collect();
    let own = fleet.amqp_own_users.iter().cloned().collect();
    (!producers.is_empty()).then_some(PublisherAuth { own, producers })
}
