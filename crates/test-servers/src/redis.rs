//! Redis. In: the package `redis-server`. Out: a server on a port and in a directory of its own.
//!
//! Never: reads the machine's configuration, or keeps anything once it is dropped.

use std::{
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::{ports::free_port, supervisor::Supervisor};

/// How long a server may take to become ready: some milliseconds alone, more while a compiler runs on two cores.
const READY_MAX: Duration = Duration::from_secs(30);
/// Names a server that runs already, to be used for tests that need none of their own.
const URL_VARIABLE: &str = "CALLOUT_TEST_REDIS_URL";
/// The settings that the store requires, without snapshots.
const DURABLE: &str = "--appendonly yes --appendfsync always --auto-aof-rewrite-min-size 512mb \
                       --maxmemory-policy noeviction --save ''";

/// A script that lists keys with digests of their values, in order.
const CONTENTS: &str = "local keys = redis.call('KEYS', '*') table.sort(keys) \
                        for index, key in ipairs(keys) do \
                        keys[index] = key .. ' ' .. redis.sha1hex(redis.call('DUMP', key)) end \
                        return table.concat(keys, '\\n')";

/// A server.
#[derive(Debug)]
pub struct RedisServer {
    /// Where it listens, for example `redis://127.0.0.1:6379/`.
    pub url: String,
    // `None`: not started here; the environment names it.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    supervisor: Supervisor,
    directory: PathBuf,
    port: u16,
}

/// The server that all tests of this process share: the one that `CALLOUT_TEST_REDIS_URL` names, or one started now.
pub fn redis() -> &'static RedisServer {
    static SHARED: OnceLock<RedisServer> = OnceLock::new();
    SHARED.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
        let named = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
        named.map_or_else(RedisServer::private, |url| RedisServer { url, own: None })
    })
}

impl RedisServer {
    /// A durable server for one test alone, which may kill it. It dies with the value, or with the process.
    pub fn private() -> Self {
        Self::private_with("")
    }

    /// The same with further options, for example `--appendonly no`: the last of two counts.
    pub fn private_with(options: &str) -> Self {
        let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(
            version.is_ok_and(|status| status.success()),
            "this test needs a real Redis: install the package `redis-server` (its service need not run), \
             or name a server in {URL_VARIABLE}, or run its container"
        );
        let directory =
            tempfile::Builder::new().prefix("callout-redis-").tempdir().expect("a directory").keep();
        let port = free_port();
        let command = format!(
            "exec redis-server --bind 127.0.0.1 --port {port} --dir {} --daemonize no {DURABLE} {options}",
            directory.display()
        );
        let supervisor = Supervisor::new(&command, directory.clone(), &[]);
        let own = Own { supervisor, directory, port };
        own.start();
        Self { url: format!("redis://127.0.0.1:{port}/"), own: Some(own) }
    }

    /// Every key with a digest of its value, one a line, in order.
    pub fn contents(&self) -> String {
        self.ask(&["EVAL", CONTENTS, "0"])
    }

    /// What it answers to a command.
    pub fn ask(&self, words: &[&str]) -> String {
        ask(self.own().port, words)
    }

    /// Host and port.
    pub fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.own().port)
    }

    /// Ends it as a power cut would: no goodbye, and what was not written is gone.
    pub fn kill(&self) {
        self.own().supervisor.kill();
    }

    /// Starts it again with what it had written, and waits until it is ready.
    pub fn restart(&self) {
        self.own().start();
    }

    /// Its processes, to be measured.
    pub fn processes(&self) -> Vec<u32> {
        self.own().supervisor.processes()
    }

    /// Whether it is ours to kill.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    fn own(&self) -> &Own {
        self.own.as_ref().expect("only a private server takes orders")
    }
}

/// What the server at a port answers to a command.
pub(crate) fn ask(port: u16, words: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(words).output();
    String::from_utf8_lossy(&output.expect("redis-cli is installed").stdout).into_owned()
}

impl Own {
    #[expect(clippy::disallowed_methods, reason = "other processes are given so long")]
    fn start(&self) {
        self.supervisor.start();
        let deadline = Instant::now() + READY_MAX;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.directory.join("out")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the server was not ready in time:\n{}", log());
            #[expect(
                clippy::disallowed_methods,
                reason = "waits for another process, outside of any runtime's time"
            )]
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
