//! What answers now. In: addresses of the gateway and of callout's API. Out: findings.

use std::time::Duration;

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use super::{finding::Findings, gateway::Gateway, mcp_server::McpServer};

/// Both are on this machine, or near it.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn check(gateway: &Gateway, server: Option<&McpServer>, findings: &mut Findings) {
    let Ok(client) = http_client::client_builder(http_client::Reach::Tls).timeout(TIMEOUT).build() else {
        findings.error("no_client", "this machine has no usable TLS", "install its root certificates");
        return;
    };
    let ready = format!("http://127.0.0.1:{}/readyz", gateway.port());
    if client.get(&ready).send().await.is_err() {
        findings.warning(
            "gateway_silent",
            format!("nothing answers at {ready}"),
            "start the gateway: openclaw gateway run",
        );
    }
    let Some(McpServer { url: Some(url), token: Some(token), .. }) = server else { return };
    let address = format!("{}/mcp", url.trim_end_matches('/'));
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let asked = client
        .post(&address)
        .bearer_auth(token)
        .header(header::ACCEPT, "application/json, text/event-stream")
        .json(&list)
        .send()
        .await;
    let is_answered = matches!(&asked, Ok(answer) if answer.status().is_success());
    match asked {
        Err(_) => findings.error(
            "api_silent",
            format!("callout's API does not answer at {address}"),
            "start callout with the role api and [api] listen, or correct CALLOUT_URL",
        ),
        Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => findings.error(
            "token_refused",
            "callout does not take the agent's token: it was revoked, has expired, or is of another callout",
            "make another with `callout tokens create --agent`",
        ),
        Ok(answer) => {
            let answer: Value = answer.json().await.unwrap_or_default();
            match answer["result"]["tools"].as_array() {
                Some(tools) if tools.is_empty() => findings.error(
                    "token_scopes",
                    "the agent's token allows no tool",
                    "make another with --scope read and what it should do",
                ),
                Some(_) => {}
                None => findings.error(
                    "api_strange",
                    format!("what answers at {address} is not callout's API"),
                    "CALLOUT_URL must be the address of [api] listen, or of the proxy before it",
                ),
            }
        }
    }
    if is_answered {
        check_owner(&client, url, token, findings).await;
    }
}

/// Whether the token is an agent's: at `/mcp` each is held to what agents may do, at the API's other paths none but theirs.
async fn check_owner(client: &reqwest::Client, url: &str, token: &str, findings: &mut Findings) {
    let address = format!("{}/v1/status", url.trim_end_matches('/'));
    let Ok(answer) = client.get(&address).bearer_auth(token).send().await else { return };
    let status: Value = answer.json().await.unwrap_or_default();
    if status["is_agent"] == false {
        findings.error(
            "token_of_a_person",
            "the agent's token is a person's: past /mcp it may do whatever that person may, texts and approvals included",
            "revoke it, and make another with `callout tokens create --agent`",
        );
    }
}
