//! `callout doctor openclaw`: the bundle of `integrations/openclaw` passes, and each thing that is wrong is found. In: the
//! patch, the bundle and a running API. Out: findings.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use axum::{Router, routing::get};
use serde_json::{Value, json};

use crate::harness::{Fleet, Layout};

/// What the gateway and callout share.
const HOOK_TOKEN: &str = "a-hook-token-of-its-own";

struct World {
    fleet: Fleet,
    /// The state of the gateway: its configuration and the bundle.
    gateway: PathBuf,
    /// What a gateway has that took the patch and the bundle.
    good: Value,
    more_env: Vec<(&'static str, &'static str)>,
}

fn bundle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/openclaw")
}

impl World {
    async fn start() -> Self {
        let api = format!("127.0.0.1:{}", test_servers::free_port());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ready = Router::new().route("/readyz", get(|| async { "{\"ready\":true}" }));
        tokio::spawn(async move { axum::serve(listener, ready).await });
        let destination = format!(
            "[agent]\nkind = \"openclaw\"\nurl = \"http://127.0.0.1:{port}/hooks/callout\"\nallow_private = true\n\
             secret_env = [\"OPENCLAW_HOOK_TOKEN\"]\nevents = [\"run.exhausted\"]\n"
        );
        let fleet = Fleet::start_layout(Layout {
            roles: &[&[]],
            settings: &format!("[api]\nlisten = \"{api}\"\n"),
            files: vec![("integrations.toml", destination)],
            env: vec![("OPENCLAW_HOOK_TOKEN".to_owned(), HOOK_TOKEN.to_owned())],
            ..Layout::default()
        })
        .await;
        let gateway = fleet.folder.path().join("gateway");
        let data = gateway.join("plugin-data/callout");
        let installed = gateway.join("extensions/callout");
        for folder in [&data, &installed, &gateway.join("workspace")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::copy(bundle().join("AGENTS.md"), gateway.join("workspace/AGENTS.md")).unwrap();
        let servers = fs::read_to_string(bundle().join("mcp.json")).unwrap();
        assert!(servers.contains("http://127.0.0.1:8081"));
        fs::write(installed.join("mcp.json"), servers.replace("127.0.0.1:8081", &api)).unwrap();
        let token = fleet.json(&["tokens", "create", "--agent", "--label", "helper", "--scope", "read"]);
        let file = data.join("callout.token");
        fs::write(&file, token["token"].as_str().unwrap()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let patch = fs::read_to_string(bundle().join("openclaw.patch.json5")).unwrap();
        let mut good: Value = json5::from_str(&patch).unwrap();
        good["gateway"] = json!({"port": port, "auth": {"mode": "token", "token": "the-gateway-itself"}});
        good["agents"]["entries"]["callout"]["workspace"] = json!(gateway.join("workspace"));
        Self { fleet, gateway, good, more_env: Vec::new() }
    }

    /// The codes of what is found with this configuration.
    fn codes(&self, config: &Value) -> (Option<i32>, Vec<String>) {
        let file = self.gateway.join("openclaw.json");
        fs::write(&file, config.to_string()).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_callout")).parent().unwrap();
        let mut command = self.fleet.callout(&["doctor", "openclaw", "--output", "json"]);
        let output = command
            .arg("--gateway-config")
            .arg(&file)
            .env("PATH", program)
            .env_remove("OPENCLAW_STATE_DIR")
            .env_remove("TWILIO_ACCOUNT_SID")
            .env_remove("TWILIO_AUTH_TOKEN")
            .env_remove("TWILIO_API_BASE")
            .envs(self.more_env.iter().copied())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(HOOK_TOKEN) && !text.contains("the-gateway-itself"), "{text}");
        let report: Value = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        let findings = report["findings"].as_array().unwrap();
        let codes = findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect();
        (output.status.code(), codes)
    }

    /// The codes with one value changed.
    fn with(&self, pointer: &str, value: Value) -> Vec<String> {
        let mut config = self.good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[name] = value;
        self.codes(&config).1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_passes_and_each_fault_of_a_gateway_is_found() {
    let world = World::start().await;
    assert_eq!(world.codes(&world.good), (Some(0), Vec::new()));

    let mapping = "/hooks/mappings/0";
    let tools = "/agents/entries/callout/tools/allow";
    let sse = json!({"callout": {"url": "http://127.0.0.1:1/mcp", "headers": {"Authorization": "Bearer ${NOT_SET}"}}});
    let literal = json!({"callout": {"url": "http://127.0.0.1:1/mcp", "transport": "streamable-http", "headers": {"Authorization": "Bearer abc"}}});
    let no_program = json!({"callout": {"command": "/nowhere/callout", "args": ["mcp"], "env": {"CALLOUT_URL": "http://127.0.0.1:1", "CALLOUT_TOKEN": "abc"}}});
    let twilio = json!({"texts": {"command": "npx", "args": ["-y", "@twilio-alpha/mcp"]}});
    let mine = &world.good["hooks"]["mappings"][0];
    let before = |other: Value| json!([other, mine]);
    let with_secret = json!({"env": {"TWILIO_AUTH_TOKEN": "x"}});
    let faults = [
        ("/hooks/mappings", before(json!({"agentId": "main"})), "hook_shadowed"),
        ("/hooks/mappings", before(json!({"match": {}, "agentId": "main"})), "hook_shadowed"),
        ("/hooks/mappings/0/transform", json!({"module": "x.js"}), "hook_transform"),
        ("/hooks/more", json!({"$include": "./more.json5"}), "config_in_parts"),
        ("/mcp", json!({"servers": {"callout__files": {"command": "npx"}}}), "agent_tools_more"),
        ("/mcp", json!({"servers": {"files": with_secret}}), "twilio_credentials"),
        ("/skills", json!({"entries": {"texts": with_secret}}), "twilio_credentials"),
        ("/hooks/enabled", json!(false), "hooks_off"),
        ("/hooks/token", json!(""), "hook_token_missing"),
        ("/hooks/token", json!({"source": "env", "id": "X"}), "hook_token_reference"),
        ("/hooks/token", json!("${NOT_SET_ANYWHERE}"), "hook_token_unknown"),
        ("/hooks/token", json!("another"), "destination_token"),
        ("/hooks/allowedAgentIds", Value::Null, "hook_agents_any"),
        ("/hooks/allowedAgentIds", json!(["*"]), "hook_agents_any"),
        ("/hooks/allowRequestSessionKey", json!(true), "hook_sessions_any"),
        ("/hooks/mappings", json!([]), "hook_unmapped"),
        ("/hooks/path", json!("/in"), "destination_path"),
        ("/hooks/mappings/0/match/path", json!("other"), "destination_path"),
        ("/hooks/mappings/0/action", json!("wake"), "hook_wakes"),
        ("/hooks/mappings/0/agentId", Value::Null, "hook_agent_default"),
        ("/hooks/mappings/0/agentId", json!("ghost"), "agent_missing"),
        ("/hooks/mappings/0/deliver", json!(true), "hook_delivers"),
        ("/hooks/mappings/0/allowUnsafeExternalContent", json!(true), "hook_unsafe"),
        ("/hooks/mappings/0/messageTemplate", json!(" "), "hook_message_empty"),
        ("/hooks/mappings/0/messageTemplate", json!("{{subject}}"), "hook_names_unknown"),
        (tools, Value::Null, "agent_tools_any"),
        (tools, json!(["session_status"]), "agent_tools_missing"),
        (tools, json!(["callout__*", "exec"]), "agent_tools_more"),
        ("/agents/entries/callout/tools/deny", json!(["bundle-mcp"]), "agent_tools_denied"),
        ("/agents/entries/callout/workspace", json!("/nowhere"), "agent_instructions_missing"),
        ("/channels", json!({"sms": {"dmPolicy": "pairing"}}), "sender_beside"),
        ("/plugins", json!({"entries": {"voice-call": {"enabled": true}}}), "sender_beside"),
        ("/mcp", json!({"servers": twilio}), "sender_beside"),
        ("/env", json!({"vars": {"TWILIO_AUTH_TOKEN": "x"}}), "twilio_credentials"),
        ("/plugins", json!({"entries": {"callout": {"enabled": false}}}), "tools_missing"),
        ("/mcp", json!({"servers": sse}), "tools_transport"),
        ("/mcp", json!({"servers": literal}), "token_literal"),
        ("/mcp", json!({"servers": no_program}), "program_missing"),
        ("/mcp", json!({"servers": no_program}), "api_silent"),
        ("/gateway", json!({"port": 1, "auth": {"token": "t"}}), "gateway_silent"),
        ("/gateway", json!({"port": 1, "auth": {"token": "t"}}), "destination_port"),
        ("/gateway/auth/token", json!(HOOK_TOKEN), "hook_token_shared"),
    ];
    assert!(world.good.pointer(mapping).is_some());
    let beside = json!([{"match": {"path": "other"}}, {"match": {"source": "gmail"}}, mine]);
    assert_eq!(world.with("/hooks/mappings", beside), [""; 0]);
    for (pointer, value, code) in faults {
        let found = world.with(pointer, value.clone());
        assert!(found.iter().any(|one| one == code), "{pointer} = {value}: expected {code}, found {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_its_own_environment_are_told_of() {
    let mut world = World::start().await;
    world.more_env = vec![("TWILIO_AUTH_TOKEN", "x")];
    assert_eq!(world.codes(&world.good), (Some(0), vec!["twilio_credentials_here".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_token_is_looked_at() {
    let world = World::start().await;
    let file = world.gateway.join("plugin-data/callout/callout.token");
    let codes = || world.codes(&world.good).1;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(codes(), ["token_readable"]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let listed = world.fleet.json(&["tokens", "list"]);
    world.fleet.json(&["tokens", "revoke", listed[0]["id"].as_str().unwrap()]);
    assert_eq!(codes(), ["token_refused"]);
    let person = world.fleet.json(&["tokens", "create", "--label", "somebody", "--scope", "read"]);
    fs::write(&file, person["token"].as_str().unwrap()).unwrap();
    assert_eq!(codes(), ["token_of_a_person"]);
    fs::write(&file, "no token").unwrap();
    assert_eq!(codes(), ["token_wrong"]);
    fs::remove_file(&file).unwrap();
    assert_eq!(codes(), ["token_missing"]);
}

/// What people read, and what is said of a file that cannot be read.
#[tokio::test(flavor = "multi_thread")]
async fn its_words_say_what_to_do() {
    let world = World::start().await;
    let file = world.gateway.join("openclaw.json");
    let doctor = || {
        let mut command = world.fleet.callout(&["doctor", "openclaw"]);
        let output = command.arg("--gateway-config").arg(&file).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = doctor();
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("openclaw.json: No such file") && text.contains("--gateway-config"), "{text}");
    fs::write(&file, "{hooks: ").unwrap();
    assert_eq!(doctor().0, Some(2));
    fs::write(&file, "[".repeat(200_000)).unwrap();
    let (code, text) = doctor();
    assert!(code == Some(2) && text.contains("nested deeper than 100"), "{code:?} {text}");
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let (code, text) = doctor();
    assert!(code == Some(2) && text.contains("not a file of at most"), "{code:?} {text}");
    fs::remove_file(&file).unwrap();
    // What is no configuration at all has every fault.
    fs::write(&file, "{}").unwrap();
    let (code, text) = doctor();
    assert_eq!(code, Some(1));
    assert!(text.contains("hooks_off") && text.contains("do: set hooks.enabled to true"), "{text}");
    assert!(text.contains(" errors, ") && text.contains("openclaw security audit"), "{text}");
}
