//! A collector of a package registry that takes OTLP. In: which signal is looked at. Out: what it got, as it prints it.
//!
//! Never: a collector of our own.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::tools::{python, succeed};

const PATIENCE: Duration = Duration::from_secs(60);

/// Rotel, which prints what it takes, until it is dropped.
pub(crate) struct Collector {
    /// Where it takes gRPC.
    pub(crate) grpc: String,
    /// Where it takes HTTP.
    pub(crate) http: String,
    process: Child,
    printed: PathBuf,
    _folder: tempfile::TempDir,
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> String {
    format!("127.0.0.1:{}", test_servers::free_port())
}

impl Collector {
    /// Prints what comes of one signal: `traces` or `metrics`.
    pub(crate) fn start(signal: &str) -> Self {
        let whereabouts =
            "import os, rotel; print(os.path.join(os.path.dirname(rotel.__file__), 'rotel-agent'))";
        let agent = succeed(python("python").args(["-c", whereabouts]));
        let folder = tempfile::tempdir().unwrap();
        let printed = folder.path().join("printed");
        let (grpc, http) = (free_address(), free_address());
        let process = Command::new(agent)
            .args(["start", "--exporter", "blackhole", "--debug-log", signal])
            .args(["--debug-log-verbosity", "detailed"])
            .args(["--otlp-grpc-endpoint", &grpc, "--otlp-http-endpoint", &http])
            .stdin(Stdio::null())
            .stdout(File::create(&printed).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, printed, _folder: folder, grpc, http }
    }

    /// What it has printed, once that is as it should be.
    pub(crate) async fn printed_until(&self, holds: impl Fn(&str) -> bool) -> String {
        let mut tries = tokio::time::interval(Duration::from_millis(100));
        let asking = async {
            loop {
                tries.tick().await;
                let printed = std::fs::read_to_string(&self.printed).unwrap();
                if holds(&printed) {
                    return printed;
                }
            }
        };
        let printed = || std::fs::read_to_string(&self.printed).unwrap();
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{}", printed()))
    }
}
