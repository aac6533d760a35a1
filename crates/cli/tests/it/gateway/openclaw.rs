//! The whole loop with a real gateway: an agent raises an event, its text is not delivered, the agent is told, reads, proposes
//! to escalate, a person approves, and the next person is paged.

#![expect(clippy::disallowed_methods, reason = "real processes take real time")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use twilio_sim::Behaviour;

use super::{
    model::{Model, Turn},
    packages::{self, node},
};
use crate::harness::{FIRST, Fleet, Layout, SECOND};

const SCRIPT: &str = "openclaw/openclaw.mjs";
const HOOK_TOKEN: &str = "a-hook-token-of-its-own";
/// Who is paged after the agent's proposal.
const THIRD: &str = "+14155550133";
/// The gateway starts within half a minute; a turn of its agent takes seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// A workflow whose agents raise on their own, and escalate with a person's approval.
const DUTY: &str = r#"
event = "duty.created"
lane = "critical"
category = "operational"
stage = "live"
template = "{{ text }}. Reply ACK {{ ack }}"
[schema]
type = "object"
required = ["text"]
additionalProperties = false
properties = { text = { type = "string", maxLength = 60 } }
[agents]
raise = "auto"
escalate = "approve"
[[step]]
notify = ["contact:first"]
ack_within = "1h"
[[step]]
notify = ["contact:second"]
ack_within = "1h"
[[step]]
notify = ["contact:third"]
ack_within = "1h"
"#;

/// What the agent does: it reads before it acts, as its instructions say.
fn script(turn: &Turn) -> Option<(&'static str, Value)> {
    let last = turn.results.last().map(String::as_str).unwrap_or_default();
    if turn.told.contains("The disk of db-7 is full") {
        let raise = |mode: &str| json!({"event_type": "duty.created", "event_id": "disk-db-7", "subject": "db-7", "fields": {"text": "Disk of db-7 full"}, "mode": mode});
        return match turn.results.len() {
            0 => Some(("event_types", json!({}))),
            1 => Some(("event_raise", raise("dry_run"))),
            2 => Some(("event_raise", raise("commit"))),
            _ => None,
        };
    }
    if turn.told.contains("message.undeliverable") {
        let run = turn.told.split("run=").nth(1)?.split_whitespace().next()?;
        return match turn.results.len() {
            0 => Some(("run_timeline", json!({"run_id": run}))),
            1 => {
                let version: u64 = digits_after(last, "version")?.parse().ok()?;
                Some(("run_escalate", json!({"run_id": run, "expected_version": version, "mode": "commit"})))
            }
            2 => Some(("approval_get", json!({"approval_id": word_after(last, "approval_id")?}))),
            _ => None,
        };
    }
    None
}

/// The number behind a member's name, whatever quotes and marks are between.
fn digits_after(text: &str, name: &str) -> Option<String> {
    let rest = text.rsplit_once(name)?.1;
    Some(rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect())
}

fn word_after(text: &str, name: &str) -> Option<String> {
    let rest = text.split_once(name)?.1;
    Some(
        rest.chars()
            .skip_while(|c| !c.is_ascii_alphanumeric())
            .take_while(char::is_ascii_alphanumeric)
            .collect(),
    )
}

/// A gateway with its own home, stopped at the end.
struct Gateway {
    home: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Gateway {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = node(SCRIPT, &self.home);
        for name in ["OPENCLAW_DISABLE_BONJOUR", "OPENCLAW_SKIP_CHANNELS", "OPENCLAW_SKIP_GMAIL_WATCHER"] {
            command.env(name, "1");
        }
        command.env("OPENCLAW_HOOK_TOKEN", HOOK_TOKEN).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> String {
        let (code, said) = packages::output(&mut self.command(args));
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.join("gateway.log")).unwrap_or_default()
    }

    /// Starts it, and waits until it is ready.
    async fn start(&mut self) {
        let log = fs::File::create(self.home.join("gateway.log")).unwrap();
        let port = self.port.to_string();
        let mut command = self.command(&["gateway", "run", "--port", &port, "--bind", "loopback"]);
        command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let (client, url) = (
            reqwest::Client::builder().no_proxy().build().unwrap(),
            format!("http://127.0.0.1:{}/readyz", self.port),
        );
        let ready = async {
            let mut tries = tokio::time::interval(Duration::from_millis(200));
            while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                tries.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.unwrap_or_else(|_| panic!("{}", self.log()));
    }

    async fn hook(&self, path: &str, body: &Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{}/hooks/{path}", self.port);
        let request = client.post(url).bearer_auth(HOOK_TOKEN).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn bundle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/openclaw")
}

async fn callout(api: &str, gateway_port: u16) -> Fleet {
    let destination = format!(
        "[agent]\nkind = \"openclaw\"\nurl = \"http://127.0.0.1:{gateway_port}/hooks/callout\"\nallow_private = true\n\
         secret_env = [\"OPENCLAW_HOOK_TOKEN\"]\nevents = [\"message.undeliverable\"]\n"
    );
    Fleet::start_layout(Layout {
        roles: &[&[]],
        settings: &format!("[api]\nlisten = \"{api}\"\n"),
        files: vec![
            ("integrations.toml", destination),
            ("workflows/duty.toml", DUTY.to_owned()),
            ("contacts.toml", format!("[third]\nnumber = \"{THIRD}\"\ntime_zone = \"UTC\"\n")),
        ],
        env: vec![("OPENCLAW_HOOK_TOKEN".to_owned(), HOOK_TOKEN.to_owned())],
        ..Layout::default()
    })
    .await
}

/// Does what docs/agents.md says, on ports of its own and with the scripted model.
fn set_up(gateway: &Gateway, fleet: &Fleet, api: &str, model: &str) {
    let state = gateway.home.join(".openclaw");
    let data = state.join("plugin-data/callout");
    let workspace = state.join("workspace-callout");
    for folder in [&data, &workspace] {
        fs::create_dir_all(folder).unwrap();
    }
    let own = json!({"gateway": {"mode": "local", "port": gateway.port, "bind": "loopback", "auth": {"mode": "token", "token": "the-gateway-itself"}}, "telemetry": {"enabled": false}});
    fs::write(state.join("openclaw.json"), own.to_string()).unwrap();
    let scopes = ["read", "raise:duty.*", "observe", "escalate"].map(|scope| ["--scope", scope]).concat();
    let args = [&["tokens", "create", "--agent", "--label", "openclaw"][..], &scopes].concat();
    let token = fleet.json(&args);
    let file = data.join("callout.token");
    fs::write(&file, token["token"].as_str().unwrap()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(bundle().join("AGENTS.md"), workspace.join("AGENTS.md")).unwrap();
    // The bundle asks at the usual address; here it is another.
    let moved = gateway.home.join("bundle");
    fs::create_dir_all(moved.join("skills/callout")).unwrap();
    for name in ["plugin.json", "skills/callout/SKILL.md"] {
        fs::copy(bundle().join(name), moved.join(name)).unwrap();
    }
    let servers = fs::read_to_string(bundle().join("mcp.json")).unwrap();
    fs::write(moved.join("mcp.json"), servers.replace("127.0.0.1:8081", api)).unwrap();
    gateway.run(&["plugins", "install", "./bundle", "--force", "--accept-capabilities"]);
    let patch = bundle().join("openclaw.patch.json5");
    gateway.run(&["config", "patch", "--file", patch.to_str().unwrap()]);
    let provider = json!({"models": {"providers": {"fake": {"baseUrl": model, "apiKey": "x", "api": "openai-completions", "models": [
        {"id": "scripted", "name": "scripted", "reasoning": false, "input": ["text"], "contextWindow": 128_000, "maxTokens": 4096,
         "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}]}}},
        "agents": {"defaults": {"model": {"primary": "fake/scripted"}}}});
    fs::write(gateway.home.join("model.json5"), provider.to_string()).unwrap();
    gateway.run(&["config", "patch", "--file", "model.json5"]);
}

/// Asks until an approval is there.
async fn approval(fleet: &Fleet) -> Value {
    let asking = async {
        let mut tries = tokio::time::interval(Duration::from_millis(200));
        loop {
            tries.tick().await;
            let listed = fleet.json(&["approvals", "list"]);
            if let Some(one) = listed.as_array().and_then(|list| list.first()) {
                return one.clone();
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("nothing was asked for"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `cargo xtask agents-test`, which installs what it needs"]
async fn an_agent_raises_watches_and_proposes_and_a_person_approves() {
    let home = tempfile::tempdir().unwrap();
    let api = format!("127.0.0.1:{}", test_servers::free_port());
    let mut gateway = Gateway { home: home.path().to_owned(), port: test_servers::free_port(), child: None };
    let fleet = callout(&api, gateway.port).await;
    let (model, url) = Model::start(script).await;
    set_up(&gateway, &fleet, &api, &url);
    gateway.start().await;

    // What the project ships passes its own check, beside a gateway that runs.
    let config = gateway.home.join(".openclaw/openclaw.json");
    let mut doctor = fleet.callout(&[
        "doctor",
        "openclaw",
        "--output",
        "json",
        "--gateway-config",
        config.to_str().unwrap(),
    ]);
    doctor.env("HOME", &gateway.home).env("PATH", Path::new(env!("CARGO_BIN_EXE_callout")).parent().unwrap());
    // As the gateway's user has it, and not callout's.
    for name in ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_BASE"] {
        doctor.env_remove(name);
    }
    let report = packages::json(&mut doctor);
    assert_eq!(report["findings"], json!([]));

    fleet.sim.phone(FIRST).set(Behaviour::Off);
    gateway
        .hook(
            "agent",
            &json!({"message": "The disk of db-7 is full", "agentId": "callout", "deliver": false}),
        )
        .await;
    // callout goes on by itself to the second person; the third is paged because of the agent's proposal.
    let paged = fleet.sim.wait_until(|view| !view.texts(SECOND).is_empty(), PATIENCE).await;
    paged.unwrap_or_else(|error| panic!("{error}\n{}\n{}", gateway.log(), model.shown()));
    let asked = approval(&fleet).await;
    assert!(fleet.sim.phone(THIRD).texts().is_empty(), "nobody approved yet");
    fleet.json(&["approvals", "approve", asked["id"].as_str().unwrap(), "--by", "duty manager"]);
    let paged = fleet.sim.wait_until(|view| !view.texts(THIRD).is_empty(), PATIENCE).await;
    paged.unwrap_or_else(|error| panic!("{error}\n{}\n{}", gateway.log(), model.shown()));

    // The first phone is off.
    assert_eq!([FIRST, SECOND, THIRD].map(|number| fleet.sim.phone(number).texts().len()), [0, 1, 1]);
    let shown = model.shown();
    for secret in [FIRST, SECOND, THIRD, HOOK_TOKEN, "the-gateway-itself"] {
        assert!(!shown.contains(secret), "the model was shown {secret}");
    }
    assert!(shown.contains("EXTERNAL_UNTRUSTED_CONTENT") && shown.contains("pending"), "{shown}");
}
