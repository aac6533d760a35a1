//! Starts a simulator and `callout serve` against it: one embedded process, or the roles of a fleet.
//!
//! In: a layout. Out: a running deployment, and ways to wait for what must happen.
//! Never: waits by sleeping: the simulator reports every change, and the process is asked until it answers.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use twilio_sim::{Number, SimConfig, SimHandle, Simulator, Timing, View};

/// The longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The key of the one source.
pub(crate) const KEY: &str = "test-key";

/// A workflow that needs no answer.
pub(crate) const NOTE: &str = r#"
event = "note.created"
stage = "live"
on_doubt = "resend"
doubt_ask_after = ["3s"]
poll_after = ["1s", "10s", "60s"]
template = "{{ text }}"
[schema]
type = "object"
required = ["text", "phone"]
properties = { text = { type = "string" }, phone = { type = "string" } }
[[step]]
notify = ["field:phone"]
deliver_within = "1h"
"#;

/// As `NOTE`; in lasting doubt an operator must settle it.
fn held_note() -> String {
    NOTE.replace("note.created", "held.created").replace("\"resend\"", "\"hold\"").replace("\"3s\"", "\"1s\"")
}

/// A workflow that pages one person, then another.
pub(crate) const PAGE: &str = r#"
event = "page.created"
resolved_by = "page.resolved"
lane = "critical"
category = "operational"
stage = "live"
on_doubt = "resend"
template = "{{ text }}. Reply ACK {{ ack }}"
[schema]
type = "object"
required = ["text"]
additionalProperties = false
properties = { text = { type = "string" } }
[[step]]
notify = ["contact:first"]
deliver_within = "1h"
ack_within = "1h"
[[step]]
notify = ["contact:second"]
ack_within = "1h"
[exhausted]
ticket = "desk"
"#;

/// As `PAGE`, for people who are given one second.
fn quick_page() -> String {
    PAGE.replace("page.", "quick.").replace("ack_within = \"1h\"", "ack_within = \"1s\"")
}

/// A second number of the account.
pub(crate) const OTHER_FROM: &str = "+15005550010";
pub(crate) const FIRST: &str = "+14155550111";
pub(crate) const SECOND: &str = "+14155550112";

/// The secrets of each role, beside the addresses of the fleet's servers. `docs/fleet.md` has the same table.
const SECRETS: [(&str, &[&str]); 5] = [
    ("ingest", &["CALLOUT_KEY_TEST", "CALLOUT_KEY_NARROW"]),
    ("sender", &["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_BASE"]),
    ("callback", &["TWILIO_AUTH_TOKEN"]),
    ("escalation", &[]),
    ("api", &[]),
];

/// A running deployment and its simulator.
pub(crate) struct Fleet {
    pub(crate) sim: SimHandle,
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    env: Vec<(String, String)>,
    processes: Vec<Process>,
}

/// What differs between deployments.
#[derive(Default)]
pub(crate) struct Layout<'a> {
    /// One process for each list of roles; an empty list means every role. The first of them takes events, the last
    /// takes callbacks.
    pub(crate) roles: &'a [&'a [&'a str]],
    /// The end of `callout.toml`.
    pub(crate) settings: &'a str,
    /// More files beside it, by name.
    pub(crate) files: Vec<(&'a str, String)>,
    /// Environment variables of every process and command.
    pub(crate) env: Vec<(String, String)>,
    /// More environment variables for the processes of one role: role, name, value.
    pub(crate) env_of: Vec<(&'a str, &'a str, String)>,
}

/// A client for plain HTTP that uses no proxy.
fn plain_client() -> reqwest::Client {
    http_client::client_builder(http_client::Reach::Plain).build().unwrap()
}

/// One `callout serve`.
struct Process {
    binary: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// The base URL of its HTTP server.
    url: String,
    child: Option<Child>,
}

fn free_address() -> String {
    format!("127.0.0.1:{}", test_servers::free_port())
}

impl Fleet {
    /// As [`Fleet::start`], with lines of `callout.toml` replaced, each by what is given for it.
    pub(crate) async fn start_with(replaced: &[(&str, &str)]) -> Self {
        let mut fleet = Self::start().await;
        fleet.kill();
        let file = fleet.folder.path().join("callout.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        for (line, by) in replaced {
            assert!(text.contains(line), "{line} is not in {text}");
            text = text.replace(line, by);
        }
        std::fs::write(&file, text).unwrap();
        fleet.serve().await;
        fleet
    }

    /// One process with every role, on one SQLite file.
    pub(crate) async fn start() -> Self {
        Self::start_roles(&[&[]], "", Vec::new()).await
    }

    /// As [`Layout::roles`], with an end of `callout.toml`.
    pub(crate) async fn start_roles(roles: &[&[&str]], backend: &str, env: Vec<(String, String)>) -> Self {
        Self::start_layout(Layout { roles, settings: backend, env, ..Layout::default() }).await
    }

    /// As the layout says.
    pub(crate) async fn start_layout(layout: Layout<'_>) -> Self {
        let Layout { roles, settings: backend, files, env, env_of } = layout;
        let mut processes: Vec<Process> = Vec::new();
        for roles in roles {
            let address = free_address();
            let args = [&["serve"], *roles, &["--listen", address.as_str()]].concat();
            let args = args.into_iter().map(str::to_owned).collect();
            let own = env_of.iter().filter(|(role, ..)| roles.contains(role));
            let env = own.map(|(_, name, value)| ((*name).to_owned(), value.clone())).collect();
            let binary = env!("CARGO_BIN_EXE_callout").to_owned();
            processes.push(Process { binary, args, env, url: format!("http://{address}"), child: None });
        }
        let url = processes[0].url.clone();
        let public_url = processes[processes.len() - 1].url.clone();
        let sim = Simulator::start(SimConfig {
            numbers: ["+15005550006", OTHER_FROM]
                .map(|number| Number {
                    number: number.to_owned(),
                    inbound_url: Some(format!("{public_url}/v1/twilio/inbound").parse().unwrap()),
                })
                .into(),
            timing: Timing::INSTANT,
            ..SimConfig::default()
        })
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("workflows")).unwrap();
        write("workflows/note.toml", NOTE);
        write("workflows/held.toml", &held_note());
        write("workflows/page.toml", PAGE);
        write("workflows/quick.toml", &quick_page());
        for (name, text) in &files {
            write(name, text);
        }
        let person = |number: &str| format!("number = \"{number}\"\ntime_zone = \"UTC\"\n");
        let people = format!("[first]\n{}[second]\n{}", person(FIRST), person(SECOND));
        let more = std::fs::read_to_string(folder.path().join("contacts.toml")).unwrap_or_default();
        write("contacts.toml", &format!("{people}{more}"));
        write(
            "callout.toml",
            &format!(
                "environment = \"test\"\n[http]\nlisten = \"{}\"\n\
                 [twilio]\nfrom = \"+15005550006\"\npublic_url = \"{public_url}\"\nanswer_max = \"1s\"\n\
                 [[source]]\nname = \"test\"\ntypes = [\"*\"]\nkey_env = [\"CALLOUT_KEY_TEST\"]\n\
                 [[source]]\nname = \"narrow\"\ntypes = [\"note.*\"]\nkey_env = [\"CALLOUT_KEY_NARROW\"]\n\
                 [log]\nformat = \"json\"\n{backend}",
                url.trim_start_matches("http://")
            ),
        );
        let client = plain_client();
        let mut fleet = Self { sim, folder, url, client, env, processes };
        fleet.serve().await;
        fleet
    }

    /// `callout` with this deployment's configuration and secrets.
    pub(crate) fn callout(&self, args: &[&str]) -> Command {
        self.callout_of(env!("CARGO_BIN_EXE_callout"), args)
    }

    fn callout_of(&self, binary: &str, args: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command.args(args).arg("--config").arg(self.folder.path().join("callout.toml"));
        self.give_secrets(&mut command, &SECRETS);
        command.env("CALLOUT_KEY", KEY).env("USER", "somebody").stdin(Stdio::null());
        command.envs(self.env.iter().cloned());
        command
    }

    /// The secrets of these roles, and of no others.
    fn give_secrets(&self, command: &mut Command, roles: &[(&str, &[&str])]) {
        let sim = SimConfig::default();
        let api_base = self.sim.base_url();
        let values = [
            ("TWILIO_ACCOUNT_SID", sim.account_sid.as_str()),
            ("TWILIO_AUTH_TOKEN", sim.auth_token.expose()),
            ("TWILIO_API_BASE", api_base.as_str()),
            ("CALLOUT_KEY_TEST", KEY),
            ("CALLOUT_KEY_NARROW", "narrow-key"),
        ];
        for (name, value) in values {
            if roles.iter().any(|(_, names)| names.contains(&name)) {
                command.env(name, value);
            } else {
                command.env_remove(name);
            }
        }
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.callout(args).output().unwrap()
    }

    /// Runs a command that must succeed, and reads its JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--output", "json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts every process that does not run, and returns once all are ready.
    pub(crate) async fn serve(&mut self) {
        for index in 0..self.processes.len() {
            if self.processes[index].child.is_none() {
                let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
                let args: Vec<_> = self.processes[index].args.iter().map(String::as_str).collect();
                let env = self.processes[index].env.iter().cloned();
                let mut command = self.callout_of(&self.processes[index].binary, &args);
                let own: Vec<_> = SECRETS.into_iter().filter(|(role, _)| args.contains(role)).collect();
                // Without a role it has all of them.
                if !own.is_empty() {
                    self.give_secrets(&mut command, &own);
                }
                let child = command.envs(env).stderr(log).stdout(Stdio::null()).spawn().unwrap();
                self.processes[index].child = Some(child);
            }
        }
        for index in 0..self.processes.len() {
            self.wait_until_ready(index).await;
        }
    }

    async fn wait_until_ready(&mut self, index: usize) {
        let log = self.log();
        let Process { url, child, .. } = &mut self.processes[index];
        let ready = format!("{url}/readyz");
        let child = child.as_mut().unwrap();
        let mut tries = tokio::time::interval(Duration::from_millis(10));
        let asking = async {
            // 404: readiness is at an address of its own.
            let is_up = |status: reqwest::StatusCode| status.is_success() || status.as_u16() == 404;
            while !self.client.get(&ready).send().await.is_ok_and(|response| is_up(response.status())) {
                if let Some(status) = child.try_wait().unwrap() {
                    panic!("serve ended with {status}: {}", std::fs::read_to_string(&log).unwrap());
                }
                tries.tick().await;
            }
        };
        if tokio::time::timeout(PATIENCE, asking).await.is_err() {
            panic!("not ready: {}", std::fs::read_to_string(&log).unwrap());
        }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// SIGKILL to the first process.
    pub(crate) fn kill(&mut self) {
        self.kill_process(0);
    }

    /// SIGKILL to one of several processes, by its place in the list it was started from.
    pub(crate) fn kill_process(&mut self, index: usize) {
        let mut child = self.processes[index].child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM to the first process, and its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal(0, "-TERM");
        let mut child = self.processes[0].child.take().unwrap();
        child.wait().unwrap().code()
    }

    /// Has one of several processes end in order, and starts this binary in its place.
    pub(crate) async fn replace(&mut self, index: usize, binary: &str) {
        self.signal(index, "-TERM");
        let ended = self.processes[index].child.take().unwrap().wait().unwrap();
        assert!(ended.success(), "{ended}: {}", std::fs::read_to_string(self.log()).unwrap());
        binary.clone_into(&mut self.processes[index].binary);
        self.serve().await;
    }

    /// A signal to one of several processes.
    pub(crate) fn signal(&self, index: usize, signal: &str) {
        let pid = self.processes[index].child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// The base URL of one of several processes.
    pub(crate) fn url_of(&self, index: usize) -> &str {
        &self.processes[index].url
    }

    /// The metrics of one of several processes.
    pub(crate) async fn metrics(&self, index: usize) -> String {
        let url = format!("{}/metrics", self.url_of(index));
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// Asks one of several processes for its metrics until all of these lines are among them.
    pub(crate) async fn metrics_with(&self, index: usize, lines: &[&str]) {
        let mut tries = tokio::time::interval(Duration::from_millis(10));
        let mut text = String::new();
        let asking = async {
            while !lines.iter().all(|line| text.contains(line)) {
                tries.tick().await;
                text = self.metrics(index).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, asking).await;
        assert!(found.is_ok(), "{lines:?} are not all in\n{text}");
    }

    /// Asks one of several processes until it answers `/readyz` with a status and with this word in its text.
    pub(crate) async fn readiness_until(&self, index: usize, status: u16, word: &str) {
        let url = format!("{}/readyz", self.processes[index].url);
        let mut tries = tokio::time::interval(Duration::from_millis(10));
        let mut said = (0, String::new());
        let asking = async {
            while said.0 != status || !said.1.contains(word) {
                tries.tick().await;
                let answer = self.client.get(&url).send().await.unwrap();
                said = (answer.status().as_u16(), answer.text().await.unwrap());
            }
        };
        let found = tokio::time::timeout(PATIENCE, asking).await;
        assert!(found.is_ok(), "process {index} should say {status} and {word:?}, and says {said:?}");
    }

    /// What all processes answer to `/healthz`.
    pub(crate) async fn liveness(&self) -> Vec<u16> {
        let mut answers = Vec::new();
        for process in &self.processes {
            let answer = self.client.get(format!("{}/healthz", process.url)).send().await.unwrap();
            answers.push(answer.status().as_u16());
        }
        answers
    }

    /// Posts a body to `/v1/events`.
    pub(crate) async fn post(
        &self,
        key: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/events", self.url)).bearer_auth(key);
        let response = request.header("content-type", content_type).body(body).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Posts one event that must be accepted.
    pub(crate) async fn event(&self, event: &Value) -> u16 {
        let (status, answer) = self.post(KEY, "application/cloudevents+json", event.to_string()).await;
        assert!(status == 202 || status == 200, "{status}: {answer}");
        status
    }

    /// Waits until the simulator's state is as expected.
    pub(crate) async fn wait_until(&self, holds: impl Fn(&View<'_>) -> bool) {
        if let Err(error) = self.sim.wait_until(holds, PATIENCE).await {
            panic!("{error}\n{}", std::fs::read_to_string(self.log()).unwrap());
        }
    }

    /// Asks for the audit until no text waits to be sent or is in doubt.
    pub(crate) async fn audit_once_settled(&self) -> Value {
        let mut tries = tokio::time::interval(Duration::from_millis(25));
        let asking = async {
            loop {
                tries.tick().await;
                let audit = self.json(&["audit", "--max", "1"]);
                let open = |name: &str| audit["messages"][name].as_u64().unwrap_or(0);
                if ["queued", "dispatching", "in_doubt", "retry_wait"].map(open) == [0; 4] {
                    return audit;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking)
            .await
            .unwrap_or_else(|_| panic!("texts are still open: {:#}", self.json(&["audit"])))
    }

    /// Asks for a run until it is as expected.
    pub(crate) async fn run_until(&self, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut tries = tokio::time::interval(Duration::from_millis(25));
        let asking = async {
            loop {
                tries.tick().await;
                let output = self.run(&["runs", "show", id, "--output", "json"]);
                if let Ok(run) = serde_json::from_slice::<Value>(&output.stdout)
                    && holds(&run)
                {
                    return run;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
            panic!("{}\n{}", self.json(&["runs", "show", id]), std::fs::read_to_string(self.log()).unwrap())
        })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in self.processes.iter_mut().filter_map(|process| process.child.as_mut()) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// An event of a type, about a subject.
pub(crate) fn event(kind: &str, id: &str, subject: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "source": "test", "id": id, "type": kind, "subject": subject, "data": data})
}

/// The run that an event opens.
pub(crate) fn run_of(id: &str, workflow: &str, subject: &str) -> String {
    domain::id::RunId::derive("test", id, workflow, Some(subject)).to_string()
}
