//! What the agent may use besides callout. In: the gateway's configuration. Out: findings.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    finding::Findings,
    gateway::{Gateway, expanded, read_file},
};
use crate::configuration::env;

/// Tools that tell of the agent's own turn alone.
const HARMLESS: [&str; 2] = ["session_status", "progress_card"];
/// The plugins and channels of the gateway that text people by themselves.
const SENDERS: [&str; 3] = ["sms", "voice-call", "twilio"];

/// How the names of Twilio's credentials begin.
const TWILIO: &str = "TWILIO_";

/// Checks the agent's own entry.
pub(crate) fn check(gateway: &Gateway, agent: &str, server: &str, findings: &mut Findings) {
    let entries = gateway.at("/agents/entries");
    let Some(entry) = entries.get(agent) else {
        findings.error(
            "agent_missing",
            format!("agents.entries has no agent {agent:?}"),
            "add the one of integrations/openclaw/openclaw.patch.json5, or correct agentId of callout's mapping",
        );
        return;
    };
    let list = |name: &str| entry["tools"][name].as_array().into_iter().flatten().filter_map(Value::as_str);
    let prefix = format!("{server}__");
    if entry["tools"]["allow"].as_array().is_none() {
        findings.error(
            "agent_tools_any",
            format!("agent {agent:?} has no tools.allow: it may run programs and write messages, so that callout's limits bind nothing"),
            format!("set its tools.allow to [\"{prefix}*\", \"session_status\"]"),
        );
    } else if !list("allow").chain(list("alsoAllow")).any(|tool| tool.starts_with(&prefix)) {
        findings.error(
            "agent_tools_missing",
            format!("tools.allow of agent {agent:?} has none of callout's tools, which begin with {prefix}"),
            format!("add \"{prefix}*\""),
        );
    }
    let more: Vec<&str> = list("allow")
        .chain(list("alsoAllow"))
        .filter(|tool| !tool.starts_with(&prefix) && !HARMLESS.contains(tool))
        .collect();
    if !more.is_empty() {
        findings.error(
            "agent_tools_more",
            format!("agent {agent:?} has more than callout's tools: {}", more.join(", ")),
            "what an event or a reply talks it into could be done with those: give them to another agent",
        );
    }
    if list("deny").any(|tool| tool == "bundle-mcp" || tool.starts_with(&prefix)) {
        findings.error(
            "agent_tools_denied",
            "tools.deny takes callout's tools away from the agent",
            "take them out of tools.deny",
        );
    }
    let others = gateway.at("/mcp/servers").as_object().into_iter().flatten().map(|(name, _)| name);
    for other in others.filter(|name| name.starts_with(&prefix)) {
        findings.error(
            "agent_tools_more",
            format!(
                "the tools of the MCP server {other:?} begin with {prefix} as well, so the agent has them too"
            ),
            format!("give that server another name: openclaw mcp unset {other}"),
        );
    }
    let workspace = entry["workspace"].as_str().map(|path| expanded(path, env("HOME").as_deref()));
    let instructions = workspace.map(|folder| folder.join("AGENTS.md"));
    let speaks = |file: &std::path::PathBuf| read_file(file).is_ok_and(|text| text.contains("callout__"));
    if let Some(file) = instructions.filter(|file| !speaks(file)) {
        findings.warning(
            "agent_instructions_missing",
            format!("{} does not tell the agent how to work with callout; it reads no skill without a tool for that", file.display()),
            "copy integrations/openclaw/AGENTS.md there, or add it to what is there",
        );
    }
}

/// Checks for whatever texts people past callout.
pub(crate) fn check_senders(gateway: &Gateway, findings: &mut Findings) {
    let is_on = |value: &Value| !value.is_null() && value["enabled"] != false;
    for place in ["/channels", "/plugins/entries"] {
        for name in SENDERS.into_iter().filter(|name| gateway.at(place).get(name).is_some_and(is_on)) {
            let place = place.trim_start_matches('/').replace('/', ".");
            findings.error(
                "sender_beside",
                format!("{place}.{name} texts or calls people without consent, quiet hours or escalation"),
                format!("set {place}.{name}.enabled to false, or keep it from this agent and from what hooks reach"),
            );
        }
    }
    let servers = gateway.at("/mcp/servers").as_object().into_iter().flatten();
    for (name, server) in servers.filter(|(_, server)| is_on(server)) {
        let said = [&server["command"], &server["args"], &server["url"]].map(ToString::to_string).concat();
        if name.to_lowercase().contains("twilio") || said.to_lowercase().contains("twilio") {
            findings.error(
                "sender_beside",
                format!("the MCP server {name:?} is Twilio's API: an agent with it texts anybody anything"),
                format!("openclaw mcp unset {name}"),
            );
        }
    }
    let secrets: BTreeSet<&str> = gateway.variable_names().filter(|name| name.starts_with(TWILIO)).collect();
    if !secrets.is_empty() {
        let names: Vec<&str> = secrets.into_iter().collect();
        findings.error(
            "twilio_credentials",
            format!("the gateway, or what it starts, holds credentials of Twilio: {}", names.join(", ")),
            "take them out of its configuration and its .env; callout alone needs them",
        );
    }
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut here: Vec<String> = names.filter(|name| name.starts_with(TWILIO)).collect();
    here.sort_unstable();
    if !here.is_empty() {
        findings.warning(
            "twilio_credentials_here",
            format!("the environment of this command holds credentials of Twilio: {}", here.join(", ")),
            "if it is the gateway's, take them out of it; if it is callout's, run this with the gateway's",
        );
    }
}
