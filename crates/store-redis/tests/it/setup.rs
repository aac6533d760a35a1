//! Stores on a shared server. In: the name of a case. Out: a store under a prefix of its own.
//!
//! Never: lets two tests see each other's keys.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use jiff::Timestamp;
use ports::SystemClock;
use sealing::KeyFile;
use store_redis::{RedisConfig, RedisStore};

/// A configuration with a prefix of its own.
pub(crate) fn config(url: &str, case: &str) -> RedisConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    RedisConfig {
        key_prefix: format!("t{process}-{n}-{case}:"),
        ..RedisConfig::new(url, Arc::new(SystemClock))
    }
}

/// A key file with one key.
pub(crate) fn key_file() -> KeyFile {
    key_file_of(&[sealing::new_line("test").unwrap().unwrap().to_string()])
}

/// A key file with these lines.
pub(crate) fn key_file_of(lines: &[String]) -> KeyFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, lines.join("\n").as_bytes()).unwrap();
    KeyFile::read(file.path()).unwrap()
}

/// A store on the shared server.
pub(crate) async fn store(case: &str) -> Arc<RedisStore> {
    RedisStore::connect(config(&test_servers::redis().url, case)).await.unwrap()
}

/// A raw connection.
pub(crate) fn raw_connection(url: &str) -> redis::Connection {
    redis::Client::open(url).unwrap().get_connection().unwrap()
}

/// All keys under a prefix with their values, apart from those that begin with one of `but`.
pub(crate) fn dump(url: &str, prefix: &str, but: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut connection = raw_connection(url);
    let mut keys: Vec<String> = redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).unwrap();
    keys.retain(|key| !but.iter().any(|but| key[prefix.len()..].starts_with(but)));
    keys.sort();
    let mut dump = |key: String| {
        let value: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut connection).unwrap();
        (key[prefix.len()..].to_owned(), value)
    };
    keys.into_iter().map(&mut dump).collect()
}

/// Waits until a condition holds, as long as a test may.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let clock = SystemClock;
    for _ in 0..300 {
        if condition().await {
            return;
        }
        let soon = ports::Clock::now(&clock) + jiff::SignedDuration::from_millis(50);
        ports::Clock::sleep_until(&clock, soon).await;
    }
    panic!("{what} did not come about by {}", <SystemClock as ports::Clock>::now(&clock) as Timestamp);
}
