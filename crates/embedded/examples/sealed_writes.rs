//! What a key costs the embedded store: `cargo run --release -p embedded --example sealed_writes`.
//!
//! In: runs that are opened, sent and ended, 500 at once. Out: changes a second and CPU of each, with a key and without,
//! in turns. Never: a figure of the product; `cargo xtask bench` measures that.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Instant};

use conformance::fixture::{Opening, at, ended, open, sid, submitted};
use embedded::{Embedded, EmbeddedConfig};
use futures::{StreamExt as _, stream};
use ports::SystemClock;
use sealing::{KeyFile, new_line};

const RUNS: u32 = 20_000;
const AT_ONCE: usize = 500;
const TURNS: usize = 5;
/// Clock ticks of `/proc` in a second (proc(5); the same on all of Linux' usual architectures).
const TICKS_PER_S: f64 = 100.0;

#[tokio::main]
async fn main() {
    for _ in 0..TURNS {
        for has_key in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let mut config = EmbeddedConfig::new(
                directory.path().join("callout.db"),
                conformance::bus::lanes(),
                Arc::new(SystemClock),
            );
            config.key_file = has_key.then(|| key_file(directory.path()));
            let embedded = Embedded::open(config).unwrap();
            let (began, cpu) = (Instant::now(), cpu_s());
            let store = embedded.store();
            stream::iter(0..RUNS)
                .for_each_concurrent(AT_ONCE, |n| {
                    let store = store.clone();
                    async move {
                        let change = Opening::new("cost", n).change();
                        open(&*store, &change).await;
                        let sent = submitted(&change.run, &sid("cost", n), at(1));
                        let over = ended(&change.run, &sid("cost", n), at(2));
                        store.change_run(sent, 1).await.unwrap();
                        store.change_run(over, 2).await.unwrap();
                    }
                })
                .await;
            let writes = f64::from(3 * RUNS);
            println!(
                "key {has_key:<5}  {:>6.0} changes/s  {:>5.1} µs of CPU each  {:>6.1} MB",
                writes / began.elapsed().as_secs_f64(),
                (cpu_s() - cpu) / writes * 1e6,
                size_mb(directory.path())
            );
            embedded.close().await;
        }
    }
}

fn key_file(directory: &Path) -> KeyFile {
    let path = directory.join("privacy.key");
    fs::write(&path, new_line("one").unwrap().unwrap().as_str()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    KeyFile::read(&path).unwrap()
}

/// CPU time of this process.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_PER_S
}

fn size_mb(directory: &Path) -> f64 {
    let sizes = fs::read_dir(directory).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    sizes.sum::<u64>() as f64 / 1e6
}
