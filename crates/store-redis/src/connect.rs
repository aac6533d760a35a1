//! Connecting, and what is looked at before the server is trusted.
//!
//! In: a configuration. Out: a store, or a sentence that says what to change.
//! Never: changes a setting of the server. A process of the fleet writes the schema number and the generation; an
//! operator's command writes nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ErrorKind, RedisError, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};
use sealing::Sealer;

use crate::{
    config::{Durability, RedisConfig},
    connection::Connection,
    history::Generation,
    info::fields,
    keys::Keys,
    redis_store::RedisStore,
    script::Scripts,
    sentinel::Sentinels,
    servers::Servers,
    write_groups::WriteGroups,
};

/// The arrangement of keys that this version reads and writes.
const SCHEMA: u32 = SCHEMA_SEALED;
/// The same where documents are not sealed.
const SCHEMA_PLAIN: u32 = 1;
/// The same where they are.
pub(crate) const SCHEMA_SEALED: u32 = 2;
/// The oldest server: `ZADD GT` is of 6.2.
const VERSION_MIN: (u32, u32) = (6, 2);
/// First and longest pause before a connection is tried again, and how often: about six seconds in all.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(1);
const RECONNECTS: usize = 10;
/// The same where another server may take its place: half a second, after which that is asked.
const RECONNECTS_OF_NODE: usize = 4;
/// How long the first connection may take.
const FIRST_ANSWER_MAX: Duration = Duration::from_millis(1_500);
/// Calls that may wait to be written to the connection.
const PIPELINE_MAX: usize = 1_024;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address makes no sense.
    #[error(
        "the address of Redis is not one: expected redis://, rediss://, redis+unix:// or \
         redis+sentinel://SENTINELS/NAME"
    )]
    Address(#[source] RedisError),
    /// It cannot be reached, or refuses us.
    #[error("Redis at {address} {}", explained(error))]
    Unreachable {
        /// Host and port, or how it is found.
        address: String,
        /// What was answered, or why nothing was.
        error: RedisError,
    },
    /// The server lacks commands.
    #[error("Redis {found} is too old: 6.2 is the oldest that has every command needed here")]
    OldServer {
        /// Its version.
        found: String,
    },
    /// What is answered may be lost in a restart.
    #[error(
        "Redis keeps what it acknowledges in memory alone: set `appendonly yes` (and `appendfsync always`), \
         or have the configuration vouch for a managed server"
    )]
    NotDurable,
    /// Runs may vanish when memory runs out.
    #[error(
        "Redis throws keys away when its memory is full (`maxmemory-policy {policy}`): set `maxmemory-policy noeviction`"
    )]
    Evicts {
        /// Its policy.
        policy: String,
    },
    /// It does not say whether it is durable.
    #[error(
        "Redis does not say whether `{setting}` is set as it must be: have the configuration vouch for it"
    )]
    Hidden {
        /// What it does not say.
        setting: &'static str,
    },
    /// Its keys cannot be unlocked.
    #[error("Redis cannot be used: {0}")]
    Locked(sealing::Locked),
    /// Its keys cannot be read or written.
    #[error("the keys that Redis' documents are encrypted with cannot be read: {0}")]
    Keys(ports::StoreError),
    /// A later version of callout wrote it.
    #[error(
        "Redis holds schema {found}, and this version knows schemas up to {known}: start the version that wrote it"
    )]
    NewerSchema {
        /// Its schema.
        found: String,
        /// The newest that this version knows.
        known: u32,
    },
}

impl ConnectError {
    fn unreachable(url: &str) -> impl Fn(RedisError) -> Self {
        // Without users and passwords, also where a password has a slash that it should not have.
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = after_scheme.split('?').next().unwrap_or_default();
        let hosts = path.rsplit_once('@').map_or(path, |(_, hosts)| hosts);
        let address = hosts.split('/').next().unwrap_or_default().to_owned();
        move |error| Self::Unreachable { address: address.clone(), error }
    }
}

/// What an error of the first connection means, and what to do.
fn explained(error: &RedisError) -> String {
    let detail = error.detail().map_or_else(|| error.to_string(), str::to_owned);
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
            format!("refuses this user and password ({detail}): check them in its address")
        }
        (_, Some("NOPERM")) => format!("does not give this user a right that is needed: {detail}"),
        (_, Some("LOADING")) => "is still loading its data: try again".to_owned(),
        (ErrorKind::MasterNameNotFoundBySentinel, _) => {
            "has sentinels that do not know a primary with this name: check the end of its address".to_owned()
        }
        (ErrorKind::Io, _) => {
            format!("cannot be reached ({error}): is it running, and is its address right?")
        }
        (ErrorKind::Parse, _) => {
            format!("does not answer as Redis does ({error}): is its address that of another server?")
        }
        _ => format!("cannot be used: {error}"),
    }
}

impl RedisStore {
    /// Connects and checks the server. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Says what is wrong with the server, or why it cannot be reached. Nothing is changed then.
    pub async fn connect(config: RedisConfig) -> Result<Arc<Self>, ConnectError> {
        let servers = find_checked(&config, Patience::Some).await?;
        let keys = Keys::new(&config.key_prefix);
        claim_schema(&servers, &keys, &config.url).await?;
        check_schema(&servers, &keys, &config.url).await?;
        let mut store = Self::over(servers, keys, config);
        store.unlock().await?;
        if let Err(error) = store.check_generation().await {
            tracing::warn!(%error, "the replication history of Redis is not known yet; it will be checked again");
        }
        Ok(Arc::new(store))
    }

    /// The same for an operator's command, which writes nothing to connect: it neither claims the schema nor raises the
    /// generation, which would begin a reconcile window. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// As [`RedisStore::connect`].
    pub async fn connect_for_operator(config: RedisConfig) -> Result<Arc<Self>, ConnectError> {
        let servers = find_checked(&config, Patience::None).await?;
        let keys = Keys::new(&config.key_prefix);
        check_schema(&servers, &keys, &config.url).await?;
        let mut store = Self::over(servers, keys, config);
        store.unlock_for_operator().await?;
        Ok(Arc::new(store))
    }

    fn over(servers: Servers, keys: Keys, config: RedisConfig) -> Self {
        let connection = Connection::new(servers, config.clock.clone(), config.drops_answers);
        let (connection, scripts) = (Arc::new(connection), Arc::new(Scripts::new()));
        Self {
            writes: WriteGroups::new(connection.clone(), scripts.clone(), keys.clone()),
            connection,
            keys,
            scripts,
            clock: config.clock,
            seen: Generation::default(),
            sealer: Sealer::default(),
            sealed_to: Mutex::default(),
            key_file: config.key_file,
        }
    }
}

/// Whether a server that is not there yet is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// An operator waits for an answer.
    None,
    /// About six seconds.
    Some,
}

/// As [`find`], with the settings of every server checked.
async fn find_checked(config: &RedisConfig, patience: Patience) -> Result<Servers, ConnectError> {
    let servers = find(config, patience).await?;
    let infos = servers.map().every::<String>(&cmd("INFO")).await;
    let infos = infos.map_err(ConnectError::unreachable(&config.url))?;
    infos.iter().try_for_each(|info| check(&fields(info), config.durability))?;
    Ok(servers)
}

/// The server at an address, the primary that sentinels name, or all primaries of the cluster that it belongs to.
async fn find(config: &RedisConfig, patience: Patience) -> Result<Servers, ConnectError> {
    let unreachable = ConnectError::unreachable(&config.url);
    let manager = |retries| {
        ConnectionManagerConfig::new()
            .set_response_timeout(Some(config.response_timeout))
            .set_connection_timeout(Some(config.response_timeout))
            .set_min_delay(RECONNECT_MIN)
            .set_max_delay(RECONNECT_MAX)
            .set_number_of_retries(retries)
            .set_pipeline_buffer_size(PIPELINE_MAX)
    };
    if let Some(sentinels) = Sentinels::of(&config.url) {
        let sentinels = sentinels.map_err(ConnectError::Address)?;
        let servers = Servers::sentinels(sentinels, manager(RECONNECTS_OF_NODE)).await;
        return servers.map_err(unreachable);
    }
    let client = client_of(config).map_err(ConnectError::Address)?;
    let address = client.get_connection_info().clone();
    let first = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(FIRST_ANSWER_MAX))
        .set_response_timeout(Some(config.response_timeout));
    let first = client.get_multiplexed_async_connection_with_config(&first).await;
    let connection = match first {
        Ok(_) => ConnectionManager::new_lazy_with_config(client.clone(), manager(RECONNECTS)),
        // A process that serves may start before its server does; a mistake is said at once all the same.
        Err(error) if patience == Patience::Some && error.is_io_error() => {
            tracing::warn!(error = %unreachable(error), "trying again for some seconds");
            ConnectionManager::new_with_config(client.clone(), manager(RECONNECTS)).await
        }
        Err(error) => Err(error),
    };
    let mut connection = connection.map_err(&unreachable)?;
    let info: String = cmd("INFO").query_async(&mut connection).await.map_err(&unreachable)?;
    if fields(&info).get("cluster_enabled").map(String::as_str) != Some("1") {
        return Ok(Servers::one(client, manager(RECONNECTS), connection));
    }
    let servers = Servers::cluster(address, manager(RECONNECTS_OF_NODE), connection).await;
    servers.map_err(unreachable)
}

fn client_of(config: &RedisConfig) -> Result<Client, RedisError> {
    let (url, root_cert, shown) = (config.url.as_str(), config.ca_pem.clone(), config.client_pem.clone());
    if root_cert.is_none() && shown.is_none() {
        return Client::open(url);
    }
    let client_tls = shown.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
    Client::build_with_tls(url, TlsCertificates { client_tls, root_cert })
}

fn check(info: &BTreeMap<String, String>, durability: Durability) -> Result<(), ConnectError> {
    let said = |name: &str| info.get(name).map(String::as_str);
    let version = said("redis_version").unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    if (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) < VERSION_MIN {
        return Err(ConnectError::OldServer { found: version.to_owned() });
    }
    let verdict = match (said("aof_enabled"), said("maxmemory_policy")) {
        (Some("0"), _) => Err(ConnectError::NotDurable),
        (None, _) => Err(ConnectError::Hidden { setting: "appendonly" }),
        (Some(_), Some("noeviction")) => Ok(()),
        (Some(_), Some(policy)) => Err(ConnectError::Evicts { policy: policy.to_owned() }),
        (Some(_), None) => Err(ConnectError::Hidden { setting: "maxmemory-policy" }),
    };
    match (verdict, durability) {
        (Err(error), Durability::Vouched) => {
            tracing::warn!(%error, "the configuration vouches for this server");
            Ok(())
        }
        (verdict, _) => verdict,
    }
}

/// Writes our schema number to a server that has none.
async fn claim_schema(servers: &Servers, keys: &Keys, url: &str) -> Result<(), ConnectError> {
    let key = keys.schema();
    let claim = async {
        let mut node = servers.map().of(key.as_bytes())?;
        cmd("SETNX").arg(&key).arg(SCHEMA_PLAIN).query_async::<()>(&mut node).await
    };
    claim.await.map_err(ConnectError::unreachable(url))
}

/// Refuses a schema that this version does not know. A server without any holds nothing yet.
async fn check_schema(servers: &Servers, keys: &Keys, url: &str) -> Result<(), ConnectError> {
    let key = keys.schema();
    let read = async {
        let mut node = servers.map().of(key.as_bytes())?;
        cmd("GET").arg(&key).query_async::<Option<String>>(&mut node).await
    };
    match read.await.map_err(ConnectError::unreachable(url))? {
        Some(found) if found.parse::<u32>().is_ok_and(|found| found <= SCHEMA) => Ok(()),
        None => Ok(()),
        Some(found) => Err(ConnectError::NewerSchema { found, known: SCHEMA }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "redis_version:7.0.15\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n";

    fn said(info: &str, durability: Durability) -> String {
        check(&fields(info), durability).map_or_else(|error| error.to_string(), |()| "good".to_owned())
    }

    #[test]
    fn a_server_is_refused_in_words_that_help() {
        assert_eq!(said(GOOD, Durability::Checked), "good");
        let cases = [
            ("7.0.15", "6.0.16", "6.2"),
            ("aof_enabled:1", "aof_enabled:0", "appendonly yes"),
            ("noeviction", "allkeys-lru", "allkeys-lru"),
            ("aof_enabled:1", "x:1", "`appendonly`"),
            ("maxmemory_policy", "x", "`maxmemory-policy`"),
        ];
        for (from, to, word) in cases {
            let text = said(&GOOD.replace(from, to), Durability::Checked);
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn what_is_hidden_or_vouched_for_is_accepted_but_an_old_server_is_not() {
        assert_eq!(said("redis_version:7.2.0", Durability::Vouched), "good");
        assert_ne!(said("redis_version:5.0.0", Durability::Vouched), "good");
    }
}
