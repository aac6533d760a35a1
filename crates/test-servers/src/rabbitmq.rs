//! RabbitMQ. In: the package `rabbitmq-server`. Out: a broker on ports, data and an Erlang cookie of its own.
//!
//! Of another version: a folder with unpacked packages, put over `/usr` in a mount namespace of its own.
//! Never: uses the distribution's wrappers, which change the user and the directories, or a shared `epmd`.

use std::{
    collections::BTreeMap,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::{ports::free_port, supervisor::Supervisor};

/// Where the packages of Debian, Ubuntu, Fedora and the upstream repository put the real scripts.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";
/// How long a broker may take to become ready: a few seconds alone, many while a compiler runs on two cores.
const READY_MAX: Duration = Duration::from_secs(120);
/// What it says before that to whoever asks for something.
const NOT_STARTED: &str = "requires the 'rabbit' app to be running";
/// How often it is asked again, half a second later.
const STARTS_LOOKED_AT: usize = 60;
/// Names a broker that runs already, to be used for tests that need none of their own.
const URL_VARIABLE: &str = "CALLOUT_TEST_AMQP_URL";

/// Names a folder with the unpacked packages of another RabbitMQ and all that it depends on, Erlang and the C library
/// included; `cargo xtask test --broker newest` makes one.
const ROOT_VARIABLE: &str = "CALLOUT_TEST_RABBITMQ_ROOT";
/// Runs a program with another `/usr`, without rights on the machine: everything else is the machine's.
const IN_ROOT: &str = "mount --bind \"$0/usr\" /usr && exec \"$@\"";

/// A broker.
#[derive(Debug)]
pub struct RabbitMq {
    /// Where it listens, with user and password, for example `amqp://guest:guest@127.0.0.1:5672/%2f`.
    pub url: String,
    // `None`: not started here; the environment names it.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    supervisor: Supervisor,
    environment: Vec<(&'static str, String)>,
    port: u16,
    // Where the management plugin listens, in a broker that has it.
    management_port: Option<u16>,
}

/// The broker that all tests of this process share: the one that `CALLOUT_TEST_AMQP_URL` names, or one started now.
pub fn rabbitmq() -> &'static RabbitMq {
    static SHARED: OnceLock<RabbitMq> = OnceLock::new();
    SHARED.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
        let named = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
        named.map_or_else(RabbitMq::private, |url| RabbitMq { url, own: None })
    })
}

impl RabbitMq {
    /// A broker for one test alone, which may kill it. It dies with the value, or with the process.
    pub fn private() -> Self {
        Self::start(false, "")
    }

    /// The same with the management plugin, whose API and `rabbitmqadmin` listen at [`RabbitMq::management_port`].
    pub fn private_with_management() -> Self {
        Self::start(true, "")
    }

    /// The same with more lines of `rabbitmq.conf`.
    pub fn private_with(settings: &str) -> Self {
        Self::start(false, settings)
    }

    fn start(has_management: bool, settings: &str) -> Self {
        let server = Path::new(SCRIPTS).join("rabbitmq-server");
        assert!(
            root().is_some() || server.exists(),
            "this test needs a real RabbitMQ: install the package `rabbitmq-server` (its service need not run), \
             or name a broker in {URL_VARIABLE}, or run its container"
        );
        let directory =
            tempfile::Builder::new().prefix("callout-rabbitmq-").tempdir().expect("a directory").keep();
        let [port, dist_port, epmd_port, http_port] = [(); 4].map(|()| free_port());
        let management_port = has_management.then_some(http_port);
        configure(&directory, management_port, settings);
        let environment = environment(&directory, port, dist_port, epmd_port);
        // In the foreground and a child of the server's session, so that it dies with it: left to itself, the server
        // would start one that stays.
        let line = format!("epmd -port {epmd_port} & exec {}", server.display());
        let command = match root() {
            None => line,
            Some(root) => {
                format!("exec unshare --map-root-user --mount sh -c '{IN_ROOT}' '{root}' sh -c '{line}'")
            }
        };
        let supervisor = Supervisor::new(&command, directory, &environment);
        let own = Own { supervisor, environment, port, management_port };
        own.start();
        Self { url: format!("amqp://guest:guest@127.0.0.1:{port}/%2f"), own: Some(own) }
    }

    /// Ends it as a power cut would: no goodbye, and what was not written is gone.
    pub fn kill(&self) {
        self.own().supervisor.kill();
    }

    /// Starts it again with what it had written, and waits until it is ready.
    pub fn restart(&self) {
        self.own().start();
    }

    /// Runs `rabbitmqctl` against it and returns what it printed. A broker that has just begun to listen says for a moment that
    /// it does not run.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        for _ in 0..STARTS_LOOKED_AT {
            let (is_done, text) = self.try_ctl(arguments);
            if is_done {
                return text;
            }
            assert!(text.contains(NOT_STARTED), "rabbitmqctl {arguments:?}: {text}");
            #[expect(clippy::disallowed_methods, reason = "waits for another process")]
            std::thread::sleep(Duration::from_millis(500));
        }
        panic!("rabbitmqctl {arguments:?}: the broker does not start");
    }

    /// Whether the command succeeded, and what it printed.
    fn try_ctl(&self, arguments: &[&str]) -> (bool, String) {
        let ctl = Path::new(SCRIPTS).join("rabbitmqctl");
        let mut command = match root() {
            None => Command::new(ctl),
            Some(root) => {
                let mut command = Command::new("unshare");
                command.args(["--map-root-user", "--mount", "sh", "-c", IN_ROOT, &root]).arg(ctl);
                command
            }
        };
        let output = command
            .args(arguments)
            .envs(self.own().environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .expect("rabbitmqctl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        let is_done = output.status.success();
        (is_done, if is_done { text } else { format!("{text}{error}") })
    }

    /// Where the management plugin listens.
    pub fn management_port(&self) -> u16 {
        self.own().management_port.expect("this broker was started with the plugin")
    }

    /// Its processes, to be measured.
    pub fn processes(&self) -> Vec<u32> {
        self.own().supervisor.processes()
    }

    /// The broker's own counters since it started, each summed over protocols and kinds of queue, for example
    /// `messages_received_total`: what clients published.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let text = self.ctl(&["eval", "rabbit_global_counters:overview()."]);
        let mut counters = BTreeMap::new();
        // An Erlang map: `name => number` among brackets and commas. Gauges may be negative, and are left out.
        for pair in text.split(['{', '}', ',']) {
            if let Some((name, value)) = pair.split_once("=>")
                && let Ok(value) = value.trim().parse::<u64>()
            {
                *counters.entry(name.trim().to_owned()).or_default() += value;
            }
        }
        counters
    }

    /// Whether it is ours to kill and to command.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    fn own(&self) -> &Own {
        self.own.as_ref().expect("only a private broker takes orders")
    }
}

/// The folder of another version, if this run is to use one.
#[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
fn root() -> Option<String> {
    std::env::var(ROOT_VARIABLE).ok().filter(|root| !root.is_empty())
}

impl Own {
    #[expect(clippy::disallowed_methods, reason = "other processes are given so long")]
    fn start(&self) {
        self.supervisor.start();
        let deadline = Instant::now() + READY_MAX;
        // Its listeners start last.
        let ports = [Some(self.port), self.management_port];
        while ports.iter().flatten().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            assert!(Instant::now() < deadline, "the broker was not ready in time:\n{}", self.log());
            #[expect(
                clippy::disallowed_methods,
                reason = "waits for another process, outside of any runtime's time"
            )]
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn log(&self) -> String {
        let home = self.environment.iter().find(|(name, _)| *name == "HOME").map(|(_, value)| value.as_str());
        std::fs::read_to_string(Path::new(home.unwrap_or_default()).join("out")).unwrap_or_default()
    }
}

fn configure(directory: &Path, management_port: Option<u16>, settings: &str) {
    let write = |name: &str, text: &str| {
        std::fs::write(directory.join(name), text).expect("the directory takes files");
    };
    match management_port {
        None => {
            write("rabbitmq.conf", &format!("{CONFIGURATION}{settings}"));
            write("enabled_plugins", "[].\n");
        }
        Some(port) => {
            let listener = format!("management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n");
            write("rabbitmq.conf", &format!("{CONFIGURATION}{listener}{settings}"));
            write("enabled_plugins", "[rabbitmq_management].\n");
        }
    }
}

fn environment(directory: &Path, port: u16, dist_port: u16, epmd_port: u16) -> Vec<(&'static str, String)> {
    let within = |name: &str| directory.join(name).display().to_string();
    vec![
        ("HOME", directory.display().to_string()),
        // If it cannot start, Erlang would write a crash dump to the working directory.
        ("ERL_CRASH_DUMP", within("erl_crash.dump")),
        ("RABBITMQ_NODENAME", format!("callout{port}@localhost")),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_NODE_PORT", port.to_string()),
        ("RABBITMQ_DIST_PORT", dist_port.to_string()),
        ("ERL_EPMD_PORT", epmd_port.to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_MNESIA_BASE", within("mnesia")),
        ("RABBITMQ_LOG_BASE", within("log")),
        ("RABBITMQ_CONF_ENV_FILE", within("no-such-file")),
        ("RABBITMQ_CONFIG_FILE", within("rabbitmq")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", within("enabled_plugins")),
    ]
}

/// Small enough for a shared machine: a pre-allocated segment of the log of quorum queues is 512 MiB by default.
const CONFIGURATION: &str = "raft.wal_max_size_bytes = 33554432\nlog.file.level = warning\n";
