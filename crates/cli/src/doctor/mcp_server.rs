//! How the gateway reaches callout's tools. In: its configuration, or the bundle that is installed. Out: findings, and the
//! address and token of it.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::Path};

use domain::token::Token;
use serde_json::Value;

use super::{
    finding::Findings,
    gateway::{Gateway, read_file},
};
use crate::configuration::env;

/// The name of the plugin of integrations/openclaw, and of the server in it.
const BUNDLE: &str = "callout";
/// What a bundle calls the folder that the gateway keeps for it.
const DATA: &str = "${PLUGIN_DATA}";

/// Callout's tools as the gateway knows them.
#[derive(Debug)]
pub(crate) struct McpServer {
    /// The name, with which the names of its tools begin.
    pub(crate) name: String,
    /// The API's address, where it is known.
    pub(crate) url: Option<String>,
    /// The agent's token, where it is known.
    pub(crate) token: Option<String>,
}

impl McpServer {
    /// Finds the server and checks it.
    pub(crate) fn of(gateway: &Gateway, findings: &mut Findings) -> Option<Self> {
        let Some((name, server, is_bundled)) = find(gateway) else {
            findings.error(
                "tools_missing",
                "neither the bundle of integrations/openclaw nor an MCP server of callout is there",
                "openclaw plugins install integrations/openclaw --force --accept-capabilities",
            );
            return None;
        };
        let at = if is_bundled { "mcp.json of the bundle".to_owned() } else { format!("mcp.servers.{name}") };
        let (url, token) = if server["url"].is_string() {
            over_http(gateway, &at, &server, findings)
        } else {
            over_stdio(gateway, &at, &server, findings)
        };
        Some(Self { name, url, token })
    }
}

/// The server that is configured, else that of the bundle; and whether it is the bundle's.
fn find(gateway: &Gateway) -> Option<(String, Value, bool)> {
    let configured = gateway.at("/mcp/servers").as_object().into_iter().flatten();
    let is_ours = |name: &str, server: &Value| {
        let program = server["command"].as_str().map(|command| Path::new(command).file_name());
        name == BUNDLE || program.is_some_and(|program| program.is_some_and(|program| program == "callout"))
    };
    let mut enabled = configured.filter(|(_, server)| server["enabled"] != false);
    if let Some((name, server)) = enabled.find(|(name, server)| is_ours(name, server)) {
        return Some((name.clone(), server.clone(), false));
    }
    if gateway.at("/plugins/entries/callout/enabled") == false {
        return None;
    }
    let folder = gateway.state.join("extensions").join(BUNDLE);
    let text = read_file(&folder.join("mcp.json")).ok()?;
    let server = serde_json::from_str::<Value>(&text).ok()?.pointer("/mcpServers/callout")?.clone();
    Some((BUNDLE.to_owned(), server, true))
}

fn over_http(
    gateway: &Gateway,
    at: &str,
    server: &Value,
    findings: &mut Findings,
) -> (Option<String>, Option<String>) {
    if server["transport"] != "streamable-http" {
        findings.error(
            "tools_transport",
            format!("{at} says no transport, and the gateway takes the one of old servers then"),
            format!("set {at}.transport to \"streamable-http\""),
        );
    }
    let header = server["headers"]["Authorization"].as_str().unwrap_or_default();
    let bearer = header.strip_prefix("Bearer ").map(str::trim).unwrap_or_default();
    let token = bearer.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
    match token {
        Some(name) => {
            let url = server["url"].as_str().map(|url| url.trim_end_matches("/mcp").to_owned());
            return (url, gateway.variable(name));
        }
        None if bearer.is_empty() => findings.error(
            "token_missing",
            format!("{at} has no header Authorization with the agent's token"),
            format!("set {at}.headers.Authorization to \"Bearer ${{CALLOUT_TOKEN}}\", and the variable in the gateway's environment"),
        ),
        None => findings.warning(
            "token_literal",
            format!("the agent's token stands in {at} in clear"),
            format!("set {at}.headers.Authorization to \"Bearer ${{CALLOUT_TOKEN}}\", and the variable in the gateway's environment"),
        ),
    }
    (None, None)
}

fn over_stdio(
    gateway: &Gateway,
    at: &str,
    server: &Value,
    findings: &mut Findings,
) -> (Option<String>, Option<String>) {
    let command = server["command"].as_str().unwrap_or_default();
    if !is_program(command) {
        findings.error(
            "program_missing",
            format!("{at} starts {command:?}, which is not on this PATH; the gateway would say so in its log alone"),
            "install callout where the gateway's service finds it, such as /usr/local/bin",
        );
    }
    let data = gateway.state.join("plugin-data").join(BUNDLE);
    let variables: BTreeMap<&str, String> = server["env"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| {
            Some((name.as_str(), value.as_str()?.replace(DATA, &data.to_string_lossy())))
        })
        .collect();
    let url = variables.get("CALLOUT_URL").cloned();
    if url.is_none() {
        findings.warning(
            "api_unnamed",
            format!(
                "{at} has no CALLOUT_URL in env, and the gateway passes nothing of its own environment on"
            ),
            "set it to the address of callout's API, such as http://127.0.0.1:8081",
        );
    }
    if variables.contains_key("CALLOUT_TOKEN") {
        findings.warning(
            "token_literal",
            format!("the agent's token stands in {at} in clear"),
            "put it into a file that the gateway's user alone can read, and its path into CALLOUT_TOKEN_FILE",
        );
        return (url, variables.get("CALLOUT_TOKEN").cloned());
    }
    let token = variables.get("CALLOUT_TOKEN_FILE").and_then(|file| token_in(Path::new(file), findings));
    if !variables.contains_key("CALLOUT_TOKEN_FILE") {
        findings.error(
            "token_missing",
            format!("{at} has no CALLOUT_TOKEN_FILE in env"),
            "name there the file with the agent's token",
        );
    }
    (url, token)
}

fn token_in(file: &Path, findings: &mut Findings) -> Option<String> {
    let make = format!(
        "umask 077; callout tokens create --agent --label openclaw --scope read --scope 'raise:TYPE' > {}",
        file.display()
    );
    let text = match read_file(file) {
        Ok(text) => text.trim().to_owned(),
        Err(error) => {
            findings.error("token_missing", format!("{}: {error}", file.display()), make);
            return None;
        }
    };
    if Token::id_in(&text).is_none() {
        findings.error("token_wrong", format!("{} holds no token of callout", file.display()), make);
        return None;
    }
    let mode = std::fs::metadata(file).map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        findings.error(
            "token_readable",
            format!("others can read {}", file.display()),
            format!("chmod 600 {}", file.display()),
        );
    }
    Some(text)
}

fn is_program(command: &str) -> bool {
    if command.contains('/') {
        return Path::new(command).is_file();
    }
    let path = env("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(command).is_file())
}
