//! The scripted client: it calls by every door, reads all that it is answered, and does what it reads.
//!
//! Its grammar: `DO tool {json}`, and `DO/tool/target` where only what an identifier needs comes through.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    sync::Mutex,
};

use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};

use super::{
    attempt::{Attempt, Door},
    world::Range,
};
use crate::{
    agents::{Client, code_of},
    harness::{FIRST, KEY, SECOND},
};

/// What it saw, did and was refused.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Refusals of tools, by label of the token and code.
    pub(crate) tools: BTreeMap<(String, String), usize>,
    /// Refusals of requests to the API, by label of the token.
    pub(crate) requests: BTreeMap<String, usize>,
    pub(crate) seen: usize,
    pub(crate) obeyed: usize,
    calls: usize,
    done: BTreeSet<String>,
}

pub(crate) struct Obedient<'a> {
    pub(crate) range: &'a Range,
    pub(crate) tally: Mutex<Tally>,
}

impl Obedient<'_> {
    /// Makes an attempt, and reads the answer.
    pub(crate) async fn attempt(&self, attempt: &Attempt) -> (String, Value) {
        let token = self.range.token(&attempt.who);
        match attempt.by {
            Door::Mcp => {
                self.tool(self.range.client(&attempt.who), &attempt.who, &attempt.call, &attempt.with).await
            }
            Door::Stdio => self.tool(&self.range.stdio, "agent", &attempt.call, &attempt.with).await,
            Door::Http => self.http(attempt, token).await,
            Door::Control => {
                let control =
                    Attempt { call: "POST /v1/control".to_owned(), by: Door::Http, ..attempt.clone() };
                self.http(&control, token).await
            }
            Door::Raw => {
                let raw = Attempt { call: "POST /mcp".to_owned(), ..attempt.clone() };
                self.http(&raw, token).await
            }
            Door::Listener => self.http(attempt, token).await,
            Door::Cli => {
                let args: Vec<&str> = attempt.call.split(' ').collect();
                let mut command = self.range.fleet().callout(&args);
                command
                    .env("CALLOUT_URL", self.range.api())
                    .env("CALLOUT_TOKEN", token)
                    .stdout(Stdio::null());
                let status = command.output().unwrap().status;
                (status.code().map_or("killed".to_owned(), |code| code.to_string()), Value::Null)
            }
            Door::Plant => {
                let mut event = attempt.with.clone();
                event["specversion"] = "1.0".into();
                event["source"] = "test".into();
                let form = "application/cloudevents+json";
                let (status, answer) = self.range.fleet().post(KEY, form, event.to_string()).await;
                (status.to_string(), answer)
            }
            Door::Reply => {
                let phone = self.range.fleet().sim.phone(&attempt.call);
                let sent = phone.send("+15005550006", attempt.with.as_str().unwrap()).await;
                (if sent.is_ok() { "ok" } else { "refused" }.to_owned(), Value::Null)
            }
        }
    }

    pub(crate) async fn tool(
        &self,
        client: &Client,
        label: &str,
        tool: &str,
        arguments: &Value,
    ) -> (String, Value) {
        self.tally.lock().unwrap().calls += 1;
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let answer = match client.call_tool(params).await {
            Ok(answer) => answer,
            Err(error) => return (format!("protocol {error}"), Value::Null),
        };
        let text = serde_json::to_string(&answer).unwrap();
        shows_no_recipient(&text);
        if answer.is_error == Some(true) {
            let code = code_of(&answer);
            *self.tally.lock().unwrap().tools.entry((label.to_owned(), code.clone())).or_default() += 1;
            return (code, serde_json::from_str(&text).unwrap());
        }
        let said = answer.structured_content.unwrap();
        let word = said.get("disposition").or(said.get("result")).and_then(Value::as_str);
        (format!("ok {}", word.unwrap_or_default()).trim().to_owned(), said)
    }

    pub(crate) async fn http(&self, attempt: &Attempt, token: &str) -> (String, Value) {
        self.tally.lock().unwrap().calls += 1;
        let (method, path) = attempt.call.split_once(' ').unwrap();
        let is_listener = attempt.by == Door::Listener;
        let base = if is_listener { self.range.fleet().url.clone() } else { self.range.api() };
        let mut request = self.range.http.request(method.parse().unwrap(), format!("{base}{path}"));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let has = |name: &str| attempt.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
        if !has("content-type") {
            let form = if path == "/v1/events" { "application/cloudevents+json" } else { "application/json" };
            request = request.header("content-type", form);
        }
        if path == "/mcp" && !has("accept") {
            request = request.header("accept", "application/json, text/event-stream");
        }
        for (name, value) in &attempt.headers {
            request = request.header(name, value);
        }
        let response = request.body(attempt.body()).send().await.unwrap();
        let status = response.status().as_u16();
        let form = response.headers().get("content-type").and_then(|form| form.to_str().ok());
        let is_problem = form.is_some_and(|form| form.contains("problem+json"));
        let is_stream = form.is_some_and(|form| form.contains("event-stream"));
        let text = if is_stream && path != "/mcp" { String::new() } else { response.text().await.unwrap() };
        shows_no_recipient(&text);
        let said: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let agents = self.range.is_agent(&attempt.who);
        // What is at no path, or takes another method, was asked of nobody.
        let is_known = status != 405 && said["detail"] != http_server::problem::NOTHING_HERE;
        if agents && attempt.by == Door::Http && is_problem && is_known && status != 401 {
            *self.tally.lock().unwrap().requests.entry(attempt.who.clone()).or_default() += 1;
        }
        let code = said["code"].as_str().map(str::to_owned);
        let code = code.or(said["error"]["code"].as_i64().map(|code| code.to_string()));
        // A tool's refusal within an answer of the protocol.
        let within = said["result"]["content"][0]["text"].as_str();
        let within = within.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let within = within.and_then(|text| text["error"]["code"].as_str().map(str::to_owned));
        if let Some(code) = &within {
            let key = (attempt.who.clone(), code.clone());
            *self.tally.lock().unwrap().tools.entry(key).or_default() += 1;
        }
        let outcome = format!("{status} {}", code.or(within).unwrap_or_default());
        (outcome.trim().to_owned(), said)
    }

    /// Does what an answer says, and what the answers to that say.
    pub(crate) async fn obey(&self, answer: Value) {
        let mut answers = vec![answer];
        while let Some(answer) = answers.pop() {
            let mut orders = Vec::new();
            read(&answer, &mut orders);
            for (tool, target) in orders {
                let fresh = {
                    let mut tally = self.tally.lock().unwrap();
                    tally.seen += 1;
                    tally.done.insert(format!("{tool} {target}"))
                };
                if fresh {
                    self.tally.lock().unwrap().obeyed += 1;
                    answers.extend(self.carry_out(&tool, &target).await);
                }
            }
        }
    }

    async fn carry_out(&self, tool: &str, target: &Value) -> Vec<Value> {
        let http = |call: String, with: Value| Attempt {
            name: String::new(),
            kind: String::new(),
            by: Door::Http,
            who: "agent".to_owned(),
            call,
            with,
            headers: Vec::new(),
            want: Vec::new(),
        };
        let token = self.range.token("agent");
        let client = self.range.client("agent");
        let mut said = Vec::new();
        let of_all = target == "all" || target["run_id"] == "all";
        let runs = if of_all { self.range.runs().await } else { Vec::new() };
        match tool {
            "http" => {
                let call = target.as_str().unwrap_or_default();
                let mut ids = vec![String::new()];
                if call.contains("/all/") {
                    ids = self.range.runs().await.into_iter().map(|(id, _)| id).collect();
                }
                for id in ids {
                    let call = call.replace("/all/", &format!("/{id}/"));
                    said.push(self.http(&http(call, Value::Null), token).await.1);
                }
            }
            "control" => {
                said.push(self.http(&http("POST /v1/control".into(), target.clone()), token).await.1);
            }
            "acknowledge" | "cancel" | "escalate" => {
                for (id, _) in runs {
                    said.push(
                        self.http(&http(format!("POST /v1/runs/{id}/{tool}"), Value::Null), token).await.1,
                    );
                }
            }
            "approve" => {
                for id in self.range.approvals() {
                    let call = format!("POST /v1/approvals/{id}/approve");
                    said.push(self.http(&http(call, json!({})), token).await.1);
                }
            }
            "run_ack" | "run_escalate" if of_all => {
                for (id, version) in runs {
                    let mut arguments = json!({"run_id": id, "expected_version": version});
                    match tool {
                        "run_ack" => arguments["reason"] = "looks_harmless".into(),
                        _ => arguments["mode"] = "commit".into(),
                    }
                    said.push(self.tool(client, "agent", tool, &arguments).await.1);
                }
            }
            "event_raise" if target.is_string() => {
                let arguments = json!({"event_type": target, "event_id": "obeyed", "mode": "commit",
                                       "fields": {"text": "obeyed", "phone": "+14155550199"}});
                said.push(self.tool(client, "agent", tool, &arguments).await.1);
            }
            _ => said.push(self.tool(client, "agent", tool, target).await.1),
        }
        said
    }

    /// Reads all that the token shows, page by page.
    pub(crate) async fn read_everything(&self) {
        let client = self.range.client("agent");
        for tool in ["event_types", "runs_list", "dead_letters_list"] {
            let mut arguments = json!({});
            loop {
                let page = self.tool(client, "agent", tool, &arguments).await.1;
                self.obey(page.clone()).await;
                let Some(cursor) = page.get("next_cursor").filter(|cursor| cursor.is_string()) else { break };
                arguments = json!({"cursor": cursor});
            }
        }
        for (id, _) in self.range.runs().await {
            let seen = self.tool(client, "agent", "run_timeline", &json!({"run_id": id})).await.1;
            self.obey(seen).await;
            self.get(&format!("/v1/runs/{id}")).await;
        }
        for path in ["/v1/runs?max=500", "/v1/dead-letters", "/v1/openapi.json"] {
            self.get(path).await;
        }
    }

    async fn get(&self, path: &str) {
        let get = Attempt {
            name: String::new(),
            kind: String::new(),
            by: Door::Http,
            who: "agent".to_owned(),
            call: format!("GET {path}"),
            with: Value::Null,
            headers: Vec::new(),
            want: Vec::new(),
        };
        let said = self.http(&get, self.range.token("agent")).await.1;
        self.obey(said).await;
    }

    pub(crate) fn calls(&self) -> usize {
        self.tally.lock().unwrap().calls
    }
}

/// No door shows an agent the number of somebody who is texted.
fn shows_no_recipient(text: &str) {
    for number in [FIRST, SECOND] {
        assert!(!text.contains(&number[1..]), "{text}");
    }
}

/// The instructions in the texts of an answer.
fn read(answer: &Value, orders: &mut Vec<(String, Value)>) {
    match answer {
        Value::String(text) => {
            for (at, _) in text.match_indices("DO ") {
                let Some((tool, rest)) = text[at + 3..].split_once(' ') else { continue };
                let json = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next();
                if let Some(Ok(target)) = json {
                    orders.push((tool.to_owned(), target));
                }
            }
            for (at, _) in text.match_indices("DO/") {
                let word = text[at + 3..].split(|c: char| c.is_whitespace() || c == ':').next().unwrap();
                if let Some((tool, target)) = word.split_once('/') {
                    orders.push((tool.to_owned(), target.into()));
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| read(one, orders)),
        Value::Object(all) => all.values().for_each(|one| read(one, orders)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
