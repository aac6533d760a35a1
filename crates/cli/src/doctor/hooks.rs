//! Hooks of the gateway, by which it hears from callout. In: its configuration. Out: findings, and the mapping that callout
//! is led to.

use serde_json::Value;

use super::{finding::Findings, gateway::Gateway};

/// What callout posts to a hook; templates find nothing else.
const POSTED: [&str; 11] = [
    "source",
    "spec_version",
    "type",
    "event_id",
    "occurred_at",
    "run_id",
    "workflow",
    "state",
    "step",
    "message",
    "approval_id",
];
/// The name that templates may use of the gateway itself.
const OF_GATEWAY: &str = "now";

/// The mapping that takes what callout posts.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Below the path of all hooks; nothing where any will do.
    pub(crate) path: Option<String>,
    /// The agent that is told.
    pub(crate) agent: Option<String>,
    value: Value,
    /// The number, from 0, of one before it that takes what callout posts as well.
    shadow: Option<usize>,
}

pub(crate) fn check(gateway: &Gateway, findings: &mut Findings) {
    if gateway.includes() {
        findings.warning(
            "config_in_parts",
            "the configuration includes other files, which were not read: what is missing here may stand there",
            "give --gateway-config one file with everything in it, or look into those yourself",
        );
    }
    if gateway.at("/hooks/enabled") != true {
        findings.error(
            "hooks_off",
            "hooks.enabled is not true: callout can tell the agent nothing",
            "set hooks.enabled to true",
        );
    }
    let token = gateway.at("/hooks/token");
    match token {
        Value::String(text) if !text.trim().is_empty() => check_token(gateway, findings),
        Value::Null | Value::String(_) => findings.error(
            "hook_token_missing",
            "hooks.token is not set: the gateway takes no hooks without",
            "set it to a long random value, for example to \"${OPENCLAW_HOOK_TOKEN}\" with that variable in the gateway's environment",
        ),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => findings.error(
            "hook_token_reference",
            "hooks.token refers to a secret, which the gateway does not take there",
            "write a text, for example \"${OPENCLAW_HOOK_TOKEN}\" with that variable in the gateway's environment",
        ),
    }
    let allowed = gateway.at("/hooks/allowedAgentIds").as_array();
    if allowed.is_none_or(|ids| ids.iter().any(|id| id == "*")) {
        findings.error(
            "hook_agents_any",
            "hooks.allowedAgentIds lets a hook reach every agent",
            "set it to the agent that works with callout, such as [\"callout\"]",
        );
    }
    if gateway.at("/hooks/allowRequestSessionKey") == true {
        findings.warning(
            "hook_sessions_any",
            "hooks.allowRequestSessionKey lets whoever has the token choose a session",
            "set it to false; the mapping names its session",
        );
    }
}

fn check_token(gateway: &Gateway, findings: &mut Findings) {
    let Some(token) = gateway.resolved("/hooks/token") else {
        findings.warning(
            "hook_token_unknown",
            "hooks.token names a variable that is not set here, so it could not be compared with anything",
            "run this again with the gateway's environment",
        );
        return;
    };
    let own = ["/gateway/auth/token", "/gateway/auth/password"]
        .into_iter()
        .find(|pointer| gateway.resolved(pointer).is_some_and(|own| own == token));
    let of_environment = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];
    let of_environment =
        || of_environment.into_iter().find(|name| gateway.variable(name).is_some_and(|own| own == token));
    if let Some(same) = own.or_else(of_environment) {
        let same = same.trim_start_matches('/').replace('/', ".");
        findings.error(
            "hook_token_shared",
            format!("hooks.token is the same as {same}: whoever may post a hook may operate the gateway"),
            "set hooks.token to a value of its own, and give that to callout",
        );
    }
}

impl Mapping {
    /// The first mapping that is meant for it.
    pub(crate) fn of(gateway: &Gateway) -> Option<Self> {
        let mappings = gateway.at("/hooks/mappings").as_array()?;
        let matches = |value: &Value| {
            let of = |name: &str| value["match"][name].as_str().map(|text| text.trim_matches('/').to_owned());
            (of("path"), of("source"))
        };
        mappings.iter().enumerate().find_map(|(at, value)| {
            let (path, source) = matches(value);
            let is_ours = source.as_deref() == Some("callout")
                || source.is_none() && path.as_deref() == Some("callout");
            let agent = value["agentId"].as_str().map(str::to_owned);
            // The gateway takes the first that matches; one that asks for nothing takes everything.
            let takes_it = |before: &Value| {
                let (its_path, its_source) = matches(before);
                its_source.is_none() && (its_path.is_none() || its_path == path)
            };
            let shadow = mappings.iter().take(at).position(takes_it);
            is_ours.then(|| Self { path, agent, value: value.clone(), shadow })
        })
    }

    pub(crate) fn check(&self, findings: &mut Findings) {
        let value = &self.value;
        if let Some(at) = self.shadow {
            findings.error(
                "hook_shadowed",
                format!("hooks.mappings[{at}] stands before callout's mapping and takes what callout posts"),
                "move callout's mapping to the first place",
            );
        }
        if value.get("transform").is_some_and(|transform| !transform.is_null()) {
            findings.warning(
                "hook_transform",
                "a transform makes of what callout posts what it likes, so that nothing said here of the message holds",
                "take transform out of callout's mapping",
            );
        }
        if value["action"].as_str().is_some_and(|action| action != "agent") {
            findings.error(
                "hook_wakes",
                "callout's mapping wakes the agent with a text that it takes as trusted",
                "set its action to \"agent\"",
            );
        }
        if self.agent.is_none() {
            findings.error(
                "hook_agent_default",
                "callout's mapping names no agent, so that the default one is told, which may do anything",
                "set its agentId to the agent that works with callout",
            );
        }
        if value["deliver"] != false {
            findings.warning(
                "hook_delivers",
                "what the agent says to an event of callout is posted to a chat",
                "set deliver to false in callout's mapping",
            );
        }
        if value["allowUnsafeExternalContent"] == true {
            findings.error(
                "hook_unsafe",
                "callout's mapping tells the agent to trust what is posted",
                "take allowUnsafeExternalContent out of it",
            );
        }
        let template = value["messageTemplate"].as_str().unwrap_or_default();
        if template.trim().is_empty() {
            findings.error(
                "hook_message_empty",
                "callout's mapping has no messageTemplate, and the gateway takes no empty message",
                "take the one of integrations/openclaw/openclaw.patch.json5",
            );
        }
        let unknown: Vec<&str> =
            names(template).filter(|name| !POSTED.contains(name) && *name != OF_GATEWAY).collect();
        if !unknown.is_empty() {
            findings.warning(
                "hook_names_unknown",
                format!("messageTemplate uses what callout does not post: {}", unknown.join(", ")),
                format!("use {}", POSTED.join(", ")),
            );
        }
    }
}

/// The names between double braces.
fn names(template: &str) -> impl Iterator<Item = &str> {
    let parts = template.split("{{").skip(1).filter_map(|part| part.split_once("}}"));
    parts.map(|(name, _)| name.trim().trim_start_matches("payload."))
}
