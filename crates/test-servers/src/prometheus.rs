//! Prometheus and its checker. In: the package `prometheus`, and what is to be checked or scraped. Out: what `promtool` says,
//! or a server on a port and in a directory of its own.
//!
//! Never: talks to another Prometheus, or reads the machine's configuration.

use std::{
    io::Write as _,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{ports::free_port, supervisor::Supervisor};

/// How long a server may take to become ready.
const READY_MAX: Duration = Duration::from_secs(30);

/// A server. It dies with the value, or with the process.
#[derive(Debug)]
pub struct Prometheus {
    /// Where it listens, for example `http://127.0.0.1:9090`.
    pub url: String,
    _supervisor: Supervisor,
}

impl Prometheus {
    /// A server that scrapes these addresses every second as the job `callout`, and evaluates these rules.
    #[expect(clippy::disallowed_methods, reason = "another process is given so long")]
    pub fn scraping(addresses: &[String], rules: &Path) -> Self {
        let directory =
            tempfile::Builder::new().prefix("callout-prometheus-").tempdir().expect("a directory").keep();
        let targets: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
        let configuration = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs:\n\
             - job_name: callout\n  \
               static_configs: [{{targets: [{}]}}]\n",
            rules.display(),
            targets.join(", ")
        );
        std::fs::write(directory.join("prometheus.yml"), configuration).expect("its directory takes a file");
        let port = free_port();
        let shown = directory.display();
        let command = format!(
            "exec prometheus --config.file={shown}/prometheus.yml --storage.tsdb.path={shown}/data \
             --web.listen-address=127.0.0.1:{port}"
        );
        let supervisor = Supervisor::new(&command, directory.clone(), &[]);
        supervisor.start();
        let deadline = Instant::now() + READY_MAX;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(directory.join("out")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the server was not ready in time:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { url: format!("http://127.0.0.1:{port}"), _supervisor: supervisor }
    }
}

/// Runs `promtool` on an input.
///
/// # Errors
/// Everything that it printed, if it found anything wrong.
pub fn promtool(args: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(
            "this test needs promtool: install the package `prometheus` (its service need not run), or run \
             `cargo xtask prepare`",
        );
    // What it is given fits in no pipe, and it reads all of it before it prints anything.
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(said) }
}
