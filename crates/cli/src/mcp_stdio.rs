//! `callout mcp`: the MCP server of the API, on standard input and output for hosts that start a program.
//!
//! In: JSON-RPC messages, one a line. Out: the answers of the role `api`, one a line.
//! Never: opens the store, holds Twilio's credentials, or answers for the API: who may do what is decided there.

use std::{
    io::BufRead as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use reqwest::header;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{output, remote::Remote};

/// Messages that are answered at the same time.
const AT_ONCE_MAX: usize = 16;
/// Lines that wait.
const WAITING_MAX: usize = 64;
/// Where a request of the stateless era says its version.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// JSON-RPC: what came is no JSON.
const PARSE_ERROR: i32 = -32_700;
/// JSON-RPC: what came is JSON, and no message.
const INVALID_REQUEST: i32 = -32_600;
/// JSON-RPC, of the server's own range: the API could not be asked.
const NOT_ANSWERED: i32 = -32_000;

/// Answers until the host closes standard input.
pub(crate) async fn serve(config_file: &Path) -> anyhow::Result<()> {
    let remote = Remote::for_agents(config_file).inspect_err(refuse)?;
    let bridge = Arc::new(Bridge { remote, negotiated: Mutex::default() });
    let (lines, mut incoming) = mpsc::channel(WAITING_MAX);
    // Standard input is read on a thread of its own, which ends with it or with the process.
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let read = std::io::stdin().lock().lines().map_while(Result::ok);
            for line in read.filter(|line| !line.trim().is_empty()) {
                if lines.blocking_send(line).is_err() {
                    break;
                }
            }
        })
        .context("standard input cannot be read")?;
    let (room, mut answering) = (Arc::new(Semaphore::new(AT_ONCE_MAX)), JoinSet::new());
    while let Some(line) = incoming.recv().await {
        let permit = room.clone().acquire_owned().await.context("the bridge stopped")?;
        let bridge = bridge.clone();
        answering.spawn(async move {
            for answer in bridge.answer(&line).await {
                output::bytes(format!("{answer}\n").as_bytes());
            }
            drop(permit);
        });
    }
    // Whoever closes its end has asked for all it wanted.
    answering.join_all().await;
    Ok(())
}

/// Answers the first message with why nothing can be answered: a host shows that, where it would say of a program that ends
/// at once that the connection was closed.
fn refuse(why: &anyhow::Error) {
    let first = std::io::stdin().lock().lines().map_while(Result::ok).find(|line| !line.trim().is_empty());
    let message = first.and_then(|line| serde_json::from_str::<Value>(&line).ok());
    if let Some(id) = message.as_ref().and_then(|message| message.get("id")) {
        output::bytes(format!("{}\n", error(id, NOT_ANSWERED, &format!("{why:#}"))).as_bytes());
    }
}

struct Bridge {
    remote: Remote,
    /// The version that an `initialize` came to.
    negotiated: Mutex<Option<String>>,
}

impl Bridge {
    async fn answer(&self, line: &str) -> Vec<Value> {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            return vec![error(&Value::Null, PARSE_ERROR, "expected one JSON-RPC message a line")];
        };
        if !message.is_object() {
            // Neither era has batches.
            return vec![error(
                &Value::Null,
                INVALID_REQUEST,
                "expected one JSON-RPC message a line, and no batch",
            )];
        }
        let id = message.get("id").filter(|id| !id.is_null());
        match (self.ask(&message).await, id) {
            (Ok(answers), _) => {
                answers.iter().for_each(|answer| self.note(answer));
                answers
            }
            (Err(failed), Some(id)) => vec![error(id, NOT_ANSWERED, &format!("{failed:#}"))],
            // Nobody waits for an answer to a notification.
            (Err(failed), None) => {
                output::remark(format!("error: {failed:#}"));
                Vec::new()
            }
        }
    }

    async fn ask(&self, message: &Value) -> anyhow::Result<Vec<Value>> {
        let mut request = self.remote.mcp_request();
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let of_request = message["params"]["_meta"][VERSION].as_str().map(str::to_owned);
        if let Some(version) = &of_request {
            request = request.header("MCP-Protocol-Version", version);
            request = request.header("Mcp-Method", text("/method").unwrap_or_default());
            if let Some(name) = text("/params/name").or(text("/params/uri")) {
                request = request.header("Mcp-Name", name);
            }
        } else if let Some(version) = self.negotiated().clone() {
            request = request.header("MCP-Protocol-Version", version);
        }
        let response = request.json(message).send().await.context("the API did not answer")?;
        let status = response.status();
        let is_stream = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/event-stream")));
        let body = response.text().await.context("the API's answer broke off")?;
        if is_stream {
            let data = body.lines().filter_map(|line| line.strip_prefix("data:"));
            return Ok(data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect());
        }
        let answer = serde_json::from_str::<Value>(&body).ok();
        match answer {
            Some(answer) if answer.get("jsonrpc").is_some() => Ok(vec![answer]),
            _ if status.is_success() => Ok(Vec::new()),
            answer => {
                let detail = answer.as_ref().and_then(|answer| answer["detail"].as_str());
                let said = detail
                    .unwrap_or("it does not speak MCP there: CALLOUT_URL must be the role api's address");
                anyhow::bail!("the API answered {}: {said}", status.as_u16())
            }
        }
    }

    /// What an `initialize` came to holds for what follows.
    fn note(&self, answer: &Value) {
        if let Some(version) = answer["result"]["protocolVersion"].as_str() {
            *self.negotiated() = Some(version.to_owned());
        }
    }

    fn negotiated(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.negotiated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}
