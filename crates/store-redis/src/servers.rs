//! Which server answers for a key: the only one, the primary that sentinels name, or the primary of the key's slot in a
//! Redis Cluster.
//!
//! In: an address of the server, of sentinels, or of any node of the cluster. Out: connections, and a refreshed map.
//! Never: asks a replica. What a primary acknowledged and did not replicate is lost with it, see `generation`.
//!
//! The client's own cluster connection is not used: while a primary was dead, it kept calls for the other ones waiting.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crc::{CRC_16_XMODEM, Crc};
use futures::future::{select_ok, try_join_all};
use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, Pipeline, RedisError,
    RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cmd, from_redis_value,
};

use crate::sentinel::Sentinels;

/// Slots of a cluster, and what chooses among them: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.
const SLOTS: u16 = 16_384;
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// The servers, with the slots that each had at the last refresh.
pub(crate) struct Servers {
    map: RwLock<Arc<Map>>,
    finding: Finding,
    /// One refresh at a time.
    refreshing: tokio::sync::Mutex<()>,
}

/// How the servers are found.
enum Finding {
    /// There is one address.
    One(Box<Client>, ConnectionManagerConfig),
    /// They are asked.
    Sentinels(Box<Sentinels>, ConnectionManagerConfig),
    /// Any node is asked.
    Cluster(Box<Cluster>),
}

/// How to find the nodes of a cluster.
struct Cluster {
    address: ConnectionInfo,
    config: ConnectionManagerConfig,
    /// To the address that was configured, which may be a name for all nodes.
    named: ConnectionManager,
}

/// The server of each slot.
pub(crate) struct Map {
    /// The first slot and the server of each range, by its last slot.
    ranges: BTreeMap<u16, (u16, Address)>,
    nodes: BTreeMap<Address, ConnectionManager>,
}

type Address = (String, u16);

/// A connection to the server of a key.
pub(crate) struct Node {
    connection: ConnectionManager,
    /// The slot is moving to this server, which answers only after `ASKING`.
    is_arriving: bool,
}

impl Servers {
    /// The only server.
    pub(crate) fn one(
        client: Client,
        config: ConnectionManagerConfig,
        connection: ConnectionManager,
    ) -> Self {
        Self::over(Map::of_one(Address::default(), connection), Finding::One(Box::new(client), config))
    }

    /// The primary that sentinels name.
    pub(crate) async fn sentinels(
        sentinels: Sentinels,
        config: ConnectionManagerConfig,
    ) -> RedisResult<Self> {
        let finding = Finding::Sentinels(Box::new(sentinels), config);
        let map = finding.read_map(&BTreeMap::new()).await?;
        Ok(Self::over(map, finding))
    }

    /// The primaries of a cluster. Their users and passwords are those of the address.
    pub(crate) async fn cluster(
        address: ConnectionInfo,
        config: ConnectionManagerConfig,
        named: ConnectionManager,
    ) -> RedisResult<Self> {
        let finding = Finding::Cluster(Box::new(Cluster { address, config, named }));
        let map = finding.read_map(&BTreeMap::new()).await?;
        Ok(Self::over(map, finding))
    }

    fn over(map: Map, finding: Finding) -> Self {
        Self { map: RwLock::new(Arc::new(map)), finding, refreshing: tokio::sync::Mutex::default() }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.finding, Finding::Cluster(_))
    }

    pub(crate) fn map(&self) -> Arc<Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds the servers again, unless that was done since `seen`. Connections to those that stay are kept: they are
    /// made again by themselves.
    pub(crate) async fn refresh(&self, seen: &Arc<Map>) {
        if !matches!(self.finding, Finding::One(..)) {
            self.find_again(seen, &seen.nodes).await;
        }
    }

    /// The same with new connections: behind the address of the old ones may be another server.
    pub(crate) async fn reconnect(&self, seen: &Arc<Map>) {
        self.find_again(seen, &BTreeMap::new()).await;
    }

    async fn find_again(&self, seen: &Arc<Map>, known: &BTreeMap<Address, ConnectionManager>) {
        let _turn = self.refreshing.lock().await;
        if !Arc::ptr_eq(seen, &self.map()) {
            return;
        }
        match self.finding.read_map(known).await {
            Ok(map) => *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map),
            Err(error) => tracing::warn!(%error, "the servers of Redis were not found"),
        }
    }

    /// The server that a redirection names.
    pub(crate) fn redirected(&self, error: &RedisError) -> Option<Node> {
        let is_arriving = error.kind() == ErrorKind::Server(redis::ServerErrorKind::Ask);
        let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
        let Finding::Cluster(cluster) = &self.finding else { return None };
        // An empty host is that of the node that answered; the next refresh finds it.
        let address = (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))?;
        let connection = cluster.node(&self.map().nodes, &address).ok()?;
        Some(Node { connection, is_arriving })
    }
}

impl Finding {
    /// The servers at the moment. Known connections are used again.
    async fn read_map(&self, known: &BTreeMap<Address, ConnectionManager>) -> RedisResult<Map> {
        let (client, address, config) = match self {
            Self::Cluster(cluster) => return cluster.read_map(known).await,
            Self::One(client, config) => ((**client).clone(), Address::default(), config),
            Self::Sentinels(sentinels, config) => {
                let client = sentinels.primary().await?;
                let info = client.get_connection_info();
                let address = (host_of(info).to_owned(), port_of(info));
                (client, address, config)
            }
        };
        let connection = match known.get(&address) {
            Some(connection) => connection.clone(),
            None => ConnectionManager::new_lazy_with_config(client, config.clone())?,
        };
        Ok(Map::of_one(address, connection))
    }
}

impl Map {
    /// One server for all slots.
    fn of_one(address: Address, connection: ConnectionManager) -> Self {
        let ranges = BTreeMap::from([(SLOTS - 1, (0, address.clone()))]);
        Self { ranges, nodes: BTreeMap::from([(address, connection)]) }
    }

    /// The server of a key.
    pub(crate) fn of(&self, key: &[u8]) -> RedisResult<Node> {
        let node = self.address_of(key).and_then(|address| self.nodes.get(address));
        let node = node.ok_or((ErrorKind::Client, "no server of the Redis Cluster has this slot"))?;
        Ok(Node { connection: node.clone(), is_arriving: false })
    }

    /// A key for each server, made from the lowest number that its slots allow.
    pub(crate) fn key_per_server(&self, key_of: impl Fn(u16) -> String) -> Vec<String> {
        let mut keys = BTreeMap::new();
        for number in 0..SLOTS {
            let key = key_of(number);
            if let Some(address) = self.address_of(key.as_bytes()) {
                keys.entry(address).or_insert(key);
            }
            if keys.len() == self.nodes.len() {
                break;
            }
        }
        keys.into_values().collect()
    }

    fn address_of(&self, key: &[u8]) -> Option<&Address> {
        let slot = slot_of(key);
        let range = self.ranges.range(slot..).next().filter(|(_, (first, _))| *first <= slot);
        range.map(|(_, (_, address))| address)
    }

    /// Asks every server.
    pub(crate) async fn every<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<Vec<T>> {
        let ask = async |node: &ConnectionManager| command.query_async(&mut node.clone()).await;
        try_join_all(self.nodes.values().map(ask)).await
    }
}

impl Cluster {
    /// Asks all known nodes for the map of slots, and takes the first answer: a node that is behind redirects callers to
    /// nodes that are not.
    async fn read_map(&self, known: &BTreeMap<Address, ConnectionManager>) -> RedisResult<Map> {
        let named = (host_of(&self.address).to_owned(), self.named.clone());
        let asked = known.iter().map(|((host, _), node)| (host.clone(), node.clone())).chain([named]);
        let ask = async |(host, mut node): (String, ConnectionManager)| {
            let answer: Value = cmd("CLUSTER").arg("SLOTS").query_async(&mut node).await?;
            Ok::<_, RedisError>((host, answer))
        };
        let ((host, answer), _) = select_ok(asked.map(|node| Box::pin(ask(node)))).await?;
        let ranges = ranges(answer, &host)?;
        let mut nodes = BTreeMap::new();
        for (_, address) in ranges.values() {
            nodes.insert(address.clone(), self.node(known, address)?);
        }
        Ok(Map { ranges, nodes })
    }

    /// A connection, which is made when it is used.
    fn node(
        &self,
        known: &BTreeMap<Address, ConnectionManager>,
        address: &Address,
    ) -> RedisResult<ConnectionManager> {
        if let Some(node) = known.get(address) {
            return Ok(node.clone());
        }
        let (host, port) = address.clone();
        let address = match self.address.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            ConnectionAddr::Tcp(..) | ConnectionAddr::Unix(_) | _ => ConnectionAddr::Tcp(host, port),
        };
        let client = Client::open(self.address.clone().set_addr(address))?;
        ConnectionManager::new_lazy_with_config(client, self.config.clone())
    }
}

fn host_of(address: &ConnectionInfo) -> &str {
    match address.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
        // No cluster is reached through a socket file, and there are no other kinds of address.
        ConnectionAddr::Unix(_) | _ => "localhost",
    }
}

fn port_of(address: &ConnectionInfo) -> u16 {
    match address.addr() {
        ConnectionAddr::Tcp(_, port) | ConnectionAddr::TcpTls { port, .. } => *port,
        ConnectionAddr::Unix(_) | _ => 0,
    }
}

/// Reads `CLUSTER SLOTS`: first slot, last slot and primary of each range. A primary without a host is the node that
/// answered; one that is unknown there, `?`, is left out.
fn ranges(answer: Value, answered: &str) -> RedisResult<BTreeMap<u16, (u16, Address)>> {
    let rows: Vec<Vec<Value>> = from_redis_value(answer)?;
    let mut ranges = BTreeMap::new();
    for row in rows {
        let mut row = row.into_iter();
        let (Some(first), Some(last), Some(primary)) = (row.next(), row.next(), row.next()) else { continue };
        let mut primary = from_redis_value::<Vec<Value>>(primary)?.into_iter();
        let (Some(host), Some(port)) = (primary.next(), primary.next()) else { continue };
        let host: Option<String> = from_redis_value(host)?;
        let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| answered.to_owned());
        if host != "?" {
            let address = (host, from_redis_value(port)?);
            ranges.insert(from_redis_value(last)?, (from_redis_value(first)?, address));
        }
    }
    Ok(ranges)
}

/// What stands in a key's first braces chooses its slot, or the whole key.
fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
        Some(&rest[..close])
    });
    CRC.checksum(tag.unwrap_or(key)) % SLOTS
}

impl ConnectionLike for Node {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        if !self.is_arriving {
            return self.connection.req_packed_command(command);
        }
        Box::pin(async move {
            let mut both = Pipeline::with_capacity(2);
            both.cmd("ASKING").add_command(command.clone());
            let answer = self.connection.req_packed_commands(&both, 1, 1).await?.pop();
            // As it would come alone: a script that is not loaded must be told from one that failed.
            answer.unwrap_or(Value::Nil).extract_error()
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // The checksum's own example, and keys whose slots `CLUSTER KEYSLOT` tells.
        assert_eq!(CRC.checksum(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"callout:run:{foo}:1"), slot_of(b"{foo}"));
        assert_eq!(slot_of(b"{foo}{bar}"), slot_of(b"foo"));
        assert_ne!(slot_of(b"{}foo"), slot_of(b"foo"), "empty braces choose nothing");
    }

    #[test]
    fn ranges_name_their_primaries() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let row = |first, last, nodes: Vec<Value>| {
            Value::Array([Value::Int(first), Value::Int(last)].into_iter().chain(nodes).collect())
        };
        let answer = Value::Array(vec![
            row(0, 5_460, vec![node(text("10.0.0.1"), 7_000), node(text("10.0.0.4"), 7_000)]),
            row(5_461, 10_922, vec![node(Value::Nil, 7_001)]),
            row(10_923, 16_383, vec![node(text("?"), 7_002)]),
        ]);
        let expected = BTreeMap::from([
            (5_460, (0, ("10.0.0.1".to_owned(), 7_000))),
            (10_922, (5_461, ("10.0.0.9".to_owned(), 7_001))),
        ]);
        assert_eq!(ranges(answer, "10.0.0.9").unwrap(), expected);
    }
}
