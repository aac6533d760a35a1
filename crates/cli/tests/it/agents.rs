//! Software agents over MCP, on both transports and in both eras of the protocol. In: rmcp's own client. Out: what an agent
//! sees, and what it cannot do.

use std::{collections::BTreeSet, process::Stdio};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt as _, RoleClient,
    model::{CallToolRequestParams, CallToolResult, ProtocolVersion},
    service::RunningService,
    transport::{
        StreamableHttpClientTransport, TokioChildProcess,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, Layout, SECOND, event, run_of};

#[derive(Clone, Default)]
pub(crate) struct Agent;

impl ClientHandler for Agent {}

pub(crate) type Client = RunningService<RoleClient, Agent>;

/// A workflow that agents may raise, and move on but to its last step.
const DUTY: &str = r#"
event = "duty.created"
resolved_by = "duty.over"
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
escalate = "auto"
hourly_max = 8
[[step]]
notify = ["contact:first"]
ack_within = "1h"
[[step]]
notify = ["contact:second"]
ack_within = "1h"
[[step]]
notify = ["contact:first"]
ack_within = "1h"
"#;

/// A workflow whose runs a person approves, in which an agent holds the next step.
const ALARM: &str = r#"
event = "alarm.created"
lane = "standard"
category = "operational"
stage = "live"
template = "{{ text }}. Reply ACK {{ ack }}"
[schema]
type = "object"
required = ["text"]
additionalProperties = false
properties = { text = { type = "string", maxLength = 60 } }
[agents]
raise = "approve"
escalate = "approve"
approval_expires = "10m"
ack = "hold"
hold_max = "50m"
reply_texts = true
[[step]]
notify = ["contact:first"]
ack_within = "10m"
[[step]]
notify = ["contact:second"]
ack_within = "1h"
"#;

pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) api: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        let api = format!("127.0.0.1:{}", test_servers::free_port());
        let settings = format!("[api]\nlisten = \"{api}\"\n");
        let files =
            vec![("workflows/duty.toml", DUTY.to_owned()), ("workflows/alarm.toml", ALARM.to_owned())];
        let layout = Layout { roles: &[&[]], settings: &settings, files, ..Layout::default() };
        Self { fleet: Fleet::start_layout(layout).await, api }
    }

    pub(crate) fn token(&self, scopes: &[&str], more: &[&str]) -> String {
        let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
        let args: Vec<&str> = ["tokens", "create", "--label", "helper"]
            .into_iter()
            .chain(scopes)
            .chain(more.iter().copied())
            .collect();
        let made = self.fleet.json(&args);
        made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    pub(crate) async fn over_http(&self, token: &str, era: ClientLifecycleMode) -> Client {
        let config = StreamableHttpClientTransportConfig::with_uri(format!("http://{}/mcp", self.api))
            .auth_header(token.to_owned());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let transport = StreamableHttpClientTransport::with_client(client, config);
        Agent.serve_with_lifecycle(transport, era).await.unwrap()
    }

    pub(crate) async fn over_stdio(&self, token: &str, era: ClientLifecycleMode) -> Client {
        let mut command = tokio::process::Command::from(self.fleet.callout(&["mcp"]));
        command.env("CALLOUT_TOKEN", token).stderr(Stdio::null());
        Agent.serve_with_lifecycle(TokioChildProcess::new(command).unwrap(), era).await.unwrap()
    }
}

pub(crate) fn eras() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
    ]
}

async fn tools(client: &Client) -> BTreeSet<String> {
    let listed = client.list_all_tools().await.unwrap();
    for tool in &listed {
        let schema = Value::Object((*tool.input_schema).clone());
        assert_eq!(schema["additionalProperties"], false, "{}: {schema}", tool.name);
        assert!(tool.output_schema.is_some() && tool.annotations.is_some(), "{}", tool.name);
    }
    listed.into_iter().map(|tool| tool.name.into_owned()).collect()
}

async fn call(client: &Client, tool: &'static str, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else { panic!("{arguments}") };
    let answer = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap();
    let text = serde_json::to_string(&answer).unwrap();
    assert!(!text.contains(FIRST) && !text.contains(SECOND) && text.len() < 9_000, "{text}");
    answer
}

/// The answer of a call that was carried out.
pub(crate) async fn ask(client: &Client, tool: &'static str, arguments: Value) -> Value {
    let answer = call(client, tool, arguments).await;
    assert_ne!(answer.is_error, Some(true), "{answer:?}");
    answer.structured_content.unwrap()
}

/// The code of a refusal: in its text alone, since strict clients hold structured content to the output schema.
pub(crate) fn code_of(answer: &CallToolResult) -> String {
    assert_eq!(answer.structured_content, None);
    let text = &answer.content[0].as_text().unwrap().text;
    serde_json::from_str::<Value>(text).unwrap()["error"]["code"].as_str().unwrap().to_owned()
}

/// The code of a call that is refused.
pub(crate) async fn refused(client: &Client, tool: &'static str, arguments: Value) -> String {
    let answer = call(client, tool, arguments).await;
    assert_eq!(answer.is_error, Some(true), "{answer:?}");
    code_of(&answer)
}

pub(crate) fn duty(id: &str, subject: &str, mode: &str) -> Value {
    json!({"event_type": "duty.created", "event_id": id, "subject": subject, "fields": {"text": "Disk full"},
           "mode": mode})
}

pub(crate) const ALL: [&str; 5] = ["read", "raise:duty.*", "observe", "escalate", "replay"];

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_the_tools_of_its_token_on_both_transports_in_both_eras() {
    let world = World::start().await;
    let (all, reader) = (world.token(&ALL, &["--agent"]), world.token(&["read"], &["--agent"]));
    let reads: BTreeSet<String> =
        ["approval_get", "dead_letters_list", "run_timeline", "runs_list"].map(str::to_owned).into();
    for (index, era) in eras().into_iter().enumerate() {
        for (token, expected) in [(&all, 9), (&reader, 4)] {
            let over_http = world.over_http(token, era.clone()).await;
            let over_stdio = world.over_stdio(token, era.clone()).await;
            let listed = tools(&over_http).await;
            assert_eq!(listed, tools(&over_stdio).await);
            assert_eq!(listed.len(), expected, "{listed:?}");
            if expected == 4 {
                assert_eq!(listed, reads);
                assert_eq!(
                    refused(&over_stdio, "event_raise", duty("n", "n", "commit")).await,
                    "scope_missing"
                );
            } else {
                let id = format!("e-{index}");
                let raised = ask(&over_stdio, "event_raise", duty(&id, &id, "commit")).await;
                assert_eq!(raised["disposition"], "created", "{raised}");
                let again = ask(&over_http, "event_raise", duty(&id, &id, "commit")).await;
                assert_eq!(again["disposition"], "duplicate", "{again}");
            }
            over_http.cancel().await.unwrap();
            over_stdio.cancel().await.unwrap();
        }
    }
    world.fleet.wait_until(|view| view.texts(FIRST).len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_raises_watches_and_moves_on_and_stops_nothing() {
    let world = World::start().await;
    let token = world.token(&ALL, &["--agent"]);
    let agent = world.over_http(&token, eras()[0].clone()).await;
    let types = ask(&agent, "event_types", json!({})).await;
    let row = &types["rows"][0];
    assert_eq!((&row["event_type"], &row["allowed"]), (&json!("duty.created"), &json!(true)), "{types}");
    assert_eq!(row["fields"]["required"], json!(["text"]));

    let preview = ask(&agent, "event_raise", duty("d-1", "db", "dry_run")).await;
    assert_eq!(preview["disposition"], "would_create", "{preview}");
    assert_eq!(preview["budget_left"], 3, "three about one subject: {preview}");
    let text = &preview["previews"][0]["texts"][0];
    assert_eq!(
        (&text["text"], &text["segments"]),
        (&json!("Disk full. Reply ACK (code)"), &json!(1)),
        "{preview}"
    );
    assert_eq!(world.fleet.sim.report().accepted, 0, "a dry run leaves no trace");
    assert_eq!(ask(&agent, "runs_list", json!({})).await["rows"], json!([]));

    let raised = ask(&agent, "event_raise", duty("d-1", "db", "commit")).await;
    let run = raised["run_ids"][0].as_str().unwrap().to_owned();
    world.fleet.run_until(&run, |run| run["messages"][0]["status"] == "delivered").await;
    let seen = ask(&agent, "run_timeline", json!({"run_id": run})).await;
    let status = |fact: &Value| fact["what"] == "status" && fact["detail"] == "delivered";
    assert!(seen["facts"].as_array().unwrap().iter().any(status), "{seen}");

    // What an old event, and one that ends runs, would do.
    let mut old = duty("d-old", "old", "dry_run");
    old["occurred_at"] = json!("1999-01-01T00:00:00Z");
    let old = ask(&agent, "event_raise", old).await;
    let shown = &old["previews"][0];
    assert_eq!((&shown["run_state"], &shown["texts"]), (&json!("expired"), &json!([])), "{old}");
    let mut over = duty("d-over", "db", "dry_run");
    over["event_type"] = json!("duty.over");
    let over = ask(&agent, "event_raise", over).await;
    assert_eq!((&over["disposition"], &over["run_ids"]), (&json!("would_resolve"), &json!([run])), "{over}");

    let ack = json!({"run_id": run, "expected_version": seen["version"], "reason": "investigating"});
    let noted = ask(&agent, "run_ack", ack.clone()).await;
    assert_eq!((&noted["stops_escalation"], &noted["state"]), (&json!(false), &json!("active")), "{noted}");
    assert_eq!(ask(&agent, "run_ack", ack).await["result"], "known");
    let timeline = world.fleet.json(&["runs", "show", &run])["timeline"].to_string();
    assert!(timeline.contains("seen by agent helper: investigating; the run goes on"), "{timeline}");

    // The step began a moment ago, and an older version is somebody else's run.
    let version = noted["version"].as_u64().unwrap();
    let escalate =
        |version: u64, mode: &str| json!({"run_id": run, "expected_version": version, "mode": mode});
    assert_eq!(refused(&agent, "run_escalate", escalate(version - 1, "commit")).await, "stale_version");
    for mode in ["dry_run", "commit"] {
        assert_eq!(refused(&agent, "run_escalate", escalate(version, mode)).await, "cooldown");
    }
    assert!(world.fleet.sim.phone(SECOND).texts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_is_not_for_is_refused_by_every_door() {
    let world = World::start().await;
    let page = run_of("p-1", "page", "p-1");
    world.fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "Down"}))).await;
    world.fleet.run_until(&page, |run| run["messages"][0]["status"] == "delivered").await;
    let token = world.token(&["read", "raise:*", "observe", "escalate", "replay"], &["--agent"]);
    let agent = world.over_http(&token, eras()[1].clone()).await;

    // The workflow says nothing of agents, or its recipient would be the agent's choice.
    let raise = |kind: &str, fields: Value| json!({"event_type": kind, "event_id": "x", "subject": "x", "fields": fields, "mode": "commit"});
    let page_event = raise("page.created", json!({"text": "hi"}));
    let asked = ask(&agent, "event_raise", page_event).await;
    assert_eq!(asked["disposition"], "pending_approval", "{asked}");
    let note = raise("note.created", json!({"text": "hi", "phone": "+14155550199"}));
    assert_eq!(refused(&agent, "event_raise", note).await, "recipient_in_fields");
    let number = json!({"event_type": "duty.created", "event_id": "x", "fields": {"text": "x", "to": "+14155550199"},
                        "mode": "commit"});
    assert_eq!(refused(&agent, "event_raise", number).await, "invalid_fields");
    let free = json!({"event_type": "duty.created", "event_id": "x", "fields": {"text": "x"}, "mode": "commit",
                      "to": "+14155550199", "body": "free text"});
    assert_eq!(refused(&agent, "event_raise", free).await, "invalid_arguments");
    let version = ask(&agent, "run_timeline", json!({"run_id": page})).await["version"].clone();
    let escalate = json!({"run_id": page, "expected_version": version, "mode": "commit"});
    assert_eq!(ask(&agent, "run_escalate", escalate).await["result"], "pending_approval");
    assert_eq!(refused(&agent, "run_timeline", json!({"run_id": "r0"})).await, "invalid_arguments");

    let letter = json!({"dead_letter_id": "none", "mode": "commit"});
    assert_eq!(refused(&agent, "dead_letter_replay", letter).await, "not_found");

    // Over HTTP, with the same token.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for action in ["acknowledge", "cancel", "escalate"] {
        let url = format!("http://{}/v1/runs/{page}/{action}", world.api);
        let answer = client.post(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{action}");
    }
    let envelope = json!({"ask": "acknowledge", "id": page});
    let control = client.post(format!("http://{}/v1/control", world.api)).bearer_auth(&token).json(&envelope);
    assert_eq!(control.send().await.unwrap().status(), 403);
    assert_eq!(world.fleet.json(&["runs", "show", &page])["phase"], "active");

    // What is no JSON is told so in the words of JSON-RPC.
    let broken = client.post(format!("http://{}/mcp", world.api)).bearer_auth(&token);
    let broken =
        broken.header("content-type", "application/json").body("{\"jsonrpc\": ").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(broken.json::<Value>().await.unwrap()["error"]["code"], -32_700);

    // Nobody is let in without a token, or from a page in a browser.
    let ask = |request: reqwest::RequestBuilder| {
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        request.header("accept", "application/json, text/event-stream").json(&list).send()
    };
    let post = || client.post(format!("http://{}/mcp", world.api));
    let stranger = ask(post()).await.unwrap();
    assert_eq!(
        (stranger.status(), stranger.headers().contains_key("www-authenticate")),
        (401.try_into().unwrap(), true)
    );
    let led_here = ask(post().bearer_auth(&token).header("origin", "https://example.org")).await.unwrap();
    assert_eq!(led_here.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_at_once_do_not_exceed_a_budget() {
    let world = World::start().await;
    let token = world.token(&ALL, &["--agent"]);
    let agent = world.over_http(&token, eras()[1].clone()).await;
    let calls = (0..50).map(|n| {
        let id = format!("b-{n}");
        let agent = &agent;
        async move { call(agent, "event_raise", duty(&id, &id, "commit")).await }
    });
    let answers = futures::future::join_all(calls).await;
    let created = answers.iter().filter(|answer| answer.is_error != Some(true)).count();
    let codes: BTreeSet<String> =
        answers.iter().filter(|answer| answer.is_error == Some(true)).map(code_of).collect();
    assert!((1..=8).contains(&created), "{created} of 8 within any hour");
    assert_eq!(codes, ["budget_exhausted".to_owned()].into());
    world.fleet.wait_until(|view| view.texts(FIRST).len() == created).await;
}

/// A host shows an error, where it would say of a program that ends at once that the connection was closed.
#[test]
fn a_host_is_told_why_nothing_can_be_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = std::process::Command::new(env!("CARGO_BIN_EXE_callout"));
    bridge.arg("mcp").current_dir(folder.path()).env("CALLOUT_URL", "http://127.0.0.1:9");
    bridge.env_remove("CALLOUT_TOKEN").env("CALLOUT_TOKEN_FILE", "/nowhere/token");
    let piped = bridge.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut bridge = piped.spawn().unwrap();
    let line = "{\"jsonrpc\": \"2.0\", \"id\": 4, \"method\": \"initialize\", \"params\": {}}\n";
    std::io::Write::write_all(&mut bridge.stdin.take().unwrap(), line.as_bytes()).unwrap();
    let output = bridge.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["id"], 4);
    assert!(answer["error"]["message"].as_str().unwrap().contains("/nowhere/token"), "{answer}");
}

/// What the library would answer as a type of content that it does not take.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_message_is_answered_as_one() {
    let world = World::start().await;
    let token = world.token(&["read"], &["--agent"]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ping = |id: Value| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let old = json!({"jsonrpc": "1.0", "id": 1, "method": "ping"});
    for (body, code) in [
        (json!([ping(json!(1))]), Some(-32_600)),
        (ping(json!(1.5)), Some(-32_600)),
        (ping(json!(null)), Some(-32_600)),
        (old, Some(-32_600)),
        (ping(json!(1)), None),
        (ping(json!("a")), None),
    ] {
        for accept in ["application/json", "*/*", "application/json, text/event-stream"] {
            let post = client.post(format!("http://{}/mcp", world.api)).bearer_auth(&token);
            let answer = post.header("accept", accept).json(&body).send().await.unwrap();
            let status = answer.status();
            let answer: Value = answer.json().await.unwrap();
            assert_eq!(answer["error"]["code"].as_i64(), code, "{body} {accept}: {status} {answer}");
        }
    }
}

#[test]
fn a_line_that_is_no_message_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = std::process::Command::new(env!("CARGO_BIN_EXE_callout"));
    // Nothing is asked there.
    bridge
        .args(["mcp"])
        .current_dir(folder.path())
        .env("CALLOUT_URL", "http://127.0.0.1:9")
        .env("CALLOUT_TOKEN", "x");
    let piped = bridge.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut bridge = piped.spawn().unwrap();
    let lines = "{\"jsonrpc\":\n[{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"ping\"}]\n7\n";
    std::io::Write::write_all(&mut bridge.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    let output = bridge.wait_with_output().unwrap();
    let codes: Vec<i64> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["error"]["code"].as_i64().unwrap())
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == -32_700).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == -32_600).count(), 2, "{codes:?}");
}
