//! Alertmanager. In: the package `prometheus-alertmanager`, and where it posts. Out: a server on a port and in a directory of
//! its own, which notifies within a second.
//!
//! Never: talks to another Alertmanager, or reads the machine's configuration.

use std::{
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{ports::free_port, supervisor::Supervisor};

/// How long a server may take to become ready.
const READY_MAX: Duration = Duration::from_secs(30);

/// A server. It dies with the value, or with the process.
#[derive(Debug)]
pub struct Alertmanager {
    /// Where it listens, for example `http://127.0.0.1:9093`.
    pub url: String,
    _supervisor: Supervisor,
}

impl Alertmanager {
    /// A server that groups alerts by name and posts each group to this webhook, with a bearer key: a second after its first
    /// alert, and every second as long as it fires.
    #[expect(clippy::disallowed_methods, reason = "another process is given so long")]
    pub fn posting_to(webhook: &str, key: &str) -> Self {
        let mut version = Command::new("prometheus-alertmanager");
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        assert!(
            version.status().is_ok_and(|status| status.success()),
            "this test needs a real Alertmanager: install the package `prometheus-alertmanager` (its service need not \
             run), or run `cargo xtask prepare`"
        );
        let directory =
            tempfile::Builder::new().prefix("callout-alertmanager-").tempdir().expect("a directory").keep();
        let configuration = format!(
            "route: {{receiver: callout, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1s}}\n\
             receivers:\n\
             - name: callout\n  \
               webhook_configs:\n  \
               - url: {webhook}\n    \
                 http_config: {{authorization: {{credentials: {key}}}}}\n"
        );
        std::fs::write(directory.join("alertmanager.yml"), configuration)
            .expect("its directory takes a file");
        let port = free_port();
        let shown = directory.display();
        let command = format!(
            "exec prometheus-alertmanager --config.file={shown}/alertmanager.yml --storage.path={shown} \
             --web.listen-address=127.0.0.1:{port} --cluster.listen-address="
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
