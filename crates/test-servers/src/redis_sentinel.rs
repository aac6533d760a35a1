//! A primary, its replica and a sentinel. In: the packages `redis-server` and `redis-tools`. Out: servers that know each
//! other.
//!
//! Never: keeps anything once it is dropped.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{RedisServer, ports::free_port, supervisor::Supervisor};

/// The name under which the primary is watched.
const NAME: &str = "main";
/// How long the primary may be silent until the replica takes its place, in milliseconds.
const DOWN_AFTER_MS: u32 = 1_000;
const READY_MAX: Duration = Duration::from_secs(60);

/// Servers with a sentinel, for one test alone, which may kill the first.
#[derive(Debug)]
pub struct RedisSentinel {
    /// For example `redis+sentinel://127.0.0.1:26379/main`.
    pub url: String,
    /// The first primary.
    pub primary: RedisServer,
    /// Takes its place.
    pub replica: RedisServer,
    port: u16,
    _sentinel: Supervisor,
    _directory: PathBuf,
}

impl RedisSentinel {
    /// Starts all three, and waits until the sentinel knows the replica.
    pub fn private() -> Self {
        let primary = RedisServer::private();
        let (host, port) = primary.address();
        let replica = RedisServer::private_with(&format!("--replicaof {host} {port}"));
        let directory =
            tempfile::Builder::new().prefix("callout-sentinel-").tempdir().expect("a directory").keep();
        let own_port = free_port();
        let file = directory.join("sentinel.conf");
        let settings = format!(
            "port {own_port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {NAME} {host} {port} 1\n\
             sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\nsentinel failover-timeout {NAME} 5000\n",
            directory.display()
        );
        std::fs::write(&file, settings).expect("a file");
        let command = format!("exec redis-server {} --sentinel", file.display());
        let sentinel = Supervisor::new(&command, directory.clone(), &[]);
        sentinel.start();
        let url = format!("redis+sentinel://127.0.0.1:{own_port}/{NAME}");
        let servers =
            Self { url, primary, replica, port: own_port, _sentinel: sentinel, _directory: directory };
        servers.wait("the sentinel knows the replica", |servers| {
            crate::redis::ask(servers.port, &["SENTINEL", "MASTER", NAME]).contains("num-slaves\n1")
                && servers.replica.ask(&["INFO", "replication"]).contains("master_link_status:up")
        });
        servers
    }

    #[expect(clippy::disallowed_methods, reason = "other processes are given so long")]
    fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + READY_MAX;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "not in time: {what}");
            #[expect(
                clippy::disallowed_methods,
                reason = "waits for other processes, outside of any runtime's time"
            )]
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
