//! A Redis Cluster. In: the packages `redis-server` and `redis-tools`. Out: primaries and replicas that know each other.
//!
//! Never: keeps anything once it is dropped.

use std::{
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::{RedisServer, ports::free_port};

/// Slots of every cluster.
const SLOTS: usize = 16_384;
/// The fewest that a cluster may have.
const PRIMARIES: usize = 3;
/// How long a primary may be silent until its replica takes its place, in milliseconds.
const NODE_TIMEOUT_MS: u32 = 2_000;
const READY_MAX: Duration = Duration::from_secs(60);

/// Some servers that share the slots among them.
#[derive(Debug)]
pub struct RedisCluster {
    /// The first primary, for example `redis://127.0.0.1:7000/`: it names the others.
    pub url: String,
    /// The primaries, then the replica of each if there are any.
    pub nodes: Vec<RedisServer>,
}

/// The cluster of three primaries that all tests of this process share.
pub fn redis_cluster() -> &'static RedisCluster {
    static SHARED: OnceLock<RedisCluster> = OnceLock::new();
    SHARED.get_or_init(|| RedisCluster::private(false))
}

impl RedisCluster {
    /// A cluster of three primaries for one test alone, which may kill its servers.
    pub fn private(has_replicas: bool) -> Self {
        let node = |_| {
            // By default the bus port is 10,000 higher than the other, and may be in use.
            RedisServer::private_with(&format!(
                "--cluster-enabled yes --cluster-node-timeout {NODE_TIMEOUT_MS} --cluster-port {}",
                free_port()
            ))
        };
        let nodes: Vec<RedisServer> =
            (0..if has_replicas { 2 * PRIMARIES } else { PRIMARIES }).map(node).collect();
        let cluster = Self { url: nodes[0].url.clone(), nodes };
        let addresses: Vec<String> = cluster.nodes.iter().map(address).collect();
        let replicas = if has_replicas { "1" } else { "0" };
        let mut order = vec!["--cluster", "create"];
        order.extend(addresses.iter().map(String::as_str));
        order.extend(["--cluster-replicas", replicas, "--cluster-yes"]);
        cluster.manage(&order);
        cluster.wait(|cluster| {
            let knows_all = |node: &RedisServer| {
                let info = node.ask(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains(&format!("cluster_slots_ok:{SLOTS}"))
            };
            cluster.nodes.iter().all(knows_all) && cluster.is_replicated()
        });
        cluster
    }

    /// Whether every replica has what its primary has.
    pub fn is_replicated(&self) -> bool {
        let (mut written, mut copied) = (Vec::new(), Vec::new());
        for node in &self.nodes {
            let info = node.ask(&["INFO", "replication"]);
            let said = |name: &str| {
                info.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
            };
            match said("slave_repl_offset:") {
                Some(offset) => copied.push(offset),
                None => written.extend(said("master_repl_offset:")),
            }
        }
        written.sort();
        copied.sort();
        copied.is_empty() || written == copied
    }

    /// Moves slots of one primary to another, from its first one, while both work. Returns when they have moved.
    pub fn move_slots(&self, from: usize, to: usize, count: usize) {
        let id = |node: usize| self.ask(node, &["CLUSTER", "MYID"]);
        let (first, from, to, count) = (address(&self.nodes[0]), id(from), id(to), count.to_string());
        let order = ["--cluster", "reshard", &first, "--cluster-from", &from, "--cluster-to", &to];
        self.manage(&[&order[..], &["--cluster-slots", &count, "--cluster-yes"]].concat());
    }

    /// The primary that holds a key which exists.
    pub fn primary_of(&self, key: &str) -> usize {
        let holds = |node: &usize| self.ask(*node, &["EXISTS", key]) == "1";
        (0..PRIMARIES).find(holds).expect("a primary has the key")
    }

    /// What a server says to a command.
    pub fn ask(&self, node: usize, words: &[&str]) -> String {
        self.nodes[node].ask(words).trim().to_owned()
    }

    /// Waits until something is so.
    #[expect(clippy::disallowed_methods, reason = "other processes are given so long")]
    pub fn wait(&self, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + READY_MAX;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "the cluster was not ready in time");
            #[expect(
                clippy::disallowed_methods,
                reason = "waits for other processes, outside of any runtime's time"
            )]
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn manage(&self, order: &[&str]) {
        let output = Command::new("redis-cli").args(order).output().expect("redis-cli is installed");
        assert!(output.status.success(), "{order:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

fn address(node: &RedisServer) -> String {
    node.url.trim_start_matches("redis://").trim_end_matches('/').to_owned()
}
