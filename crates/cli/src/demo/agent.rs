//! A software agent of the demo. In: a token, and the API's address. Out: what its tools answer.
//!
//! Never: takes another way in than agents have: it speaks MCP over HTTP.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use control::{Control, Principal, Request};
use domain::token::{Scope, Token, TokenRequest};
use jiff::Timestamp;
use mcp::MCP_PATH;
use reqwest::header;
use serde_json::{Value, json};
use url::Url;

/// An agent with a token.
pub(crate) struct Agent {
    client: reqwest::Client,
    url: Url,
    token: String,
}

impl Agent {
    /// Makes a token that may read, note and raise findings, and nothing else.
    pub(crate) async fn admit(control: &Control, api: &Url, now: Timestamp) -> anyhow::Result<Self> {
        let request = TokenRequest {
            label: "demo-agent".to_owned(),
            scopes: BTreeSet::from([Scope::Read, Scope::Observe]),
            raises: BTreeSet::from(["finding.*".to_owned()]),
            teams: BTreeSet::new(),
            is_agent: true,
            expires_at: None,
        };
        let (token, clear) = Token::mint(request, "demo", &rand::random(), now)?;
        control.execute(&Principal::operator("demo"), Request::AddToken { token }).await?;
        let client = http_client::client_builder(http_client::Reach::Plain).build()?;
        Ok(Self { client, url: api.join(MCP_PATH)?, token: clear })
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: &Value) -> anyhow::Result<Value> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
        let asked = self
            .client
            .post(self.url.clone())
            .bearer_auth(&self.token)
            .header(header::ACCEPT, "application/json, text/event-stream")
            .json(&call)
            .send()
            .await?;
        let answer: Value = asked.json().await.context("the API does not speak MCP")?;
        let result = &answer["result"];
        if result["isError"] == true || !result["structuredContent"].is_object() {
            bail!("{tool} was refused: {answer}");
        }
        Ok(result["structuredContent"].clone())
    }
}
