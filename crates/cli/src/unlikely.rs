//! What is allowed and probably not meant. In: the configuration and the environment. Out: warnings, each with its file,
//! its line where it has one, and what to do.
//!
//! Never: refuses anything.

use std::{collections::BTreeSet, net::SocketAddr, path::Path};

use config::{Backend, Config, Secrets};
use domain::{event::holds_type, status::span, workflow::Workflow};
use url::{Host, Url};

use crate::configuration::{env, env_names};

/// Variables that are read, beside those that the configuration names. Each may end in `_FILE`.
const VARIABLES: [&str; 14] = [
    "CALLOUT_AMQP_URL",
    "CALLOUT_CONFIG",
    "CALLOUT_LOG",
    "CALLOUT_RECIPIENT_KEY",
    "CALLOUT_REDIS_URL",
    "CALLOUT_TOKEN",
    "CALLOUT_URL",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_API_BASE",
    "TWILIO_API_KEY",
    "TWILIO_API_KEY_SECRET",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_AUTH_TOKEN_NEXT",
    "TWILIO_PROXY_PASSWORD",
];
/// Names by which other programs know the same.
const OTHER_NAMES: [(&str, &str); 2] =
    [("TWILIO_TOKEN", "TWILIO_AUTH_TOKEN"), ("TWILIO_SID", "TWILIO_ACCOUNT_SID")];

/// All warnings.
pub(crate) fn warnings(file: &Path, config: &Config, secrets: &Secrets) -> Vec<String> {
    let line = |setting: &str| match config.infrastructure.lines.get(setting) {
        Some(line) => format!("{}:{line}", file.display()),
        None => file.display().to_string(),
    };
    let mut found = untaken_types(config, line);
    found.extend(unsent_events(file, config));
    found.extend(same_addresses(config, line));
    found.extend(unreachable(config, secrets, line));
    found.extend(unopened_tickets(config));
    found.extend(config.workflows.iter().filter_map(ungrouped));
    found.extend(telemetry::unusable_variables(env));
    found.extend(env_names().iter().filter_map(|name| unread_variable(name)));
    found
}

/// Has the log of a process that starts name tickets that no destination opens.
pub(crate) fn log_unopened_tickets(config: &Config) {
    unopened_tickets(config).iter().for_each(|warning| tracing::warn!("{warning}"));
}

/// A window that no event outlives: its texts would be of no use at its end, so none is held.
fn ungrouped(workflow: &Workflow) -> Option<String> {
    let definition = &workflow.definition;
    let window_s = definition.grouping.as_ref()?.window_s;
    let expires = i64::from(window_s) >= i64::from(definition.not_after_s);
    expires.then(|| {
        format!(
            "workflow {}: grouping.window ({}) is not shorter than not_after ({}), so every text would be of no use at the \
             end of the window: none is held, and each goes by itself; make the window shorter, or not_after longer",
            workflow.name(),
            span(window_s.into()),
            span(i64::from(definition.not_after_s))
        )
    })
}

/// Tickets that workflows ask for and no destination opens.
fn unopened_tickets(config: &Config) -> Vec<String> {
    let destinations = config.destinations();
    let mut found = BTreeSet::new();
    for workflow in &config.workflows {
        for queue in workflow.definition.ticket_queues().filter(|queue| destinations.tracker(queue).is_none())
        {
            found.insert(format!(
                "workflow {} asks for tickets in {queue:?}, and no destination of integrations.toml has this name and keeps \
                 tickets: each becomes a dead letter; add one, or take the ticket out",
                workflow.name()
            ));
        }
    }
    found.into_iter().collect()
}

fn untaken_types(config: &Config, line: impl Fn(&str) -> String) -> Vec<String> {
    let definitions = || config.workflows.iter().map(|workflow| &workflow.definition);
    let taken: Vec<&String> =
        definitions().flat_map(|one| [Some(&one.event), one.resolved_by.as_ref()]).flatten().collect();
    let mut found = Vec::new();
    for source in &config.infrastructure.sources {
        let is_taken = |held: &String| taken.iter().any(|kind| holds_type(std::slice::from_ref(held), kind));
        for held in source.types.iter().filter(|held| !is_taken(held)) {
            found.push(format!(
                "{}: source {:?} may send {held:?}, which no workflow takes: such an event is refused; correct the type, \
                 or take it out",
                line(&format!("source {}", source.name)),
                source.name
            ));
        }
    }
    found
}

/// Events of workflows that nobody may send. Who may publish to the broker of a fleet is not said here.
fn unsent_events(file: &Path, config: &Config) -> Vec<String> {
    let infrastructure = &config.infrastructure;
    if matches!(infrastructure.backend, Backend::Fleet(_)) {
        return Vec::new();
    }
    let is_sent =
        |kind: &&String| infrastructure.sources.iter().any(|source| holds_type(&source.types, kind));
    let folder = file.parent().unwrap_or(Path::new("")).join("workflows");
    let of_workflow = |workflow: &Workflow| {
        let at = folder.join(format!("{}.toml", workflow.name()));
        let definition = &workflow.definition;
        let kinds = [Some(&definition.event), definition.resolved_by.as_ref()];
        let unsent = kinds.into_iter().flatten().filter(|kind| !is_sent(kind));
        let warning = |kind: &String| {
            format!(
                "{}: no source may send {kind:?}: add it to the types of a [[source]], unless events come with tokens \
                 that have the scope raise:{kind}",
                at.display()
            )
        };
        unsent.map(warning).collect::<Vec<_>>()
    };
    config.workflows.iter().flat_map(of_workflow).collect()
}

fn same_addresses(config: &Config, line: impl Fn(&str) -> String) -> Vec<String> {
    let infrastructure = &config.infrastructure;
    let all: [(&str, Option<SocketAddr>); 3] = [
        ("http.listen", Some(infrastructure.listen)),
        ("http.monitoring_listen", infrastructure.monitoring_listen),
        ("api.listen", infrastructure.api_listen),
    ];
    let mut found = Vec::new();
    for (index, (name, address)) in all.iter().enumerate() {
        let same = all
            .iter()
            .take(index)
            .find(|(_, other)| address.is_some_and(|address| address.port() != 0 && *other == Some(address)));
        if let (Some((other, _)), Some(address)) = (same, address) {
            found.push(format!(
                "{}: {name} and {other} are both {address}, and one process cannot listen there twice; give each a port \
                 of its own",
                line(name)
            ));
        }
    }
    found
}

/// An address that Twilio cannot call, where it is Twilio that sends.
fn unreachable(config: &Config, secrets: &Secrets, line: impl Fn(&str) -> String) -> Option<String> {
    let has_account = secrets.twilio.is_some() || !secrets.webhook_tokens.is_empty();
    let url = config.infrastructure.twilio.public_url.as_ref()?;
    let is_wrong = has_account && env("TWILIO_API_BASE").is_none() && is_private(url);
    is_wrong.then(|| {
        format!(
            "{}: twilio.public_url {url} is on this machine or in a private network, where Twilio cannot call it: no status \
             and no reply arrives; give the address by which the internet reaches this installation",
            line("twilio.public_url")
        )
    })
}

fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || [".localhost", ".local", ".internal"].iter().any(|end| name.ends_with(end))
        }
        Some(Host::Ipv4(ip)) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
        }
        Some(Host::Ipv6(ip)) => {
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        None => true,
    }
}

/// A variable whose name is nearly one that is read.
fn unread_variable(name: &str) -> Option<String> {
    let plain = name.strip_suffix("_FILE").unwrap_or(name);
    // Keys have the names that the configuration gives them.
    let is_ours = name.starts_with("TWILIO_") || name.starts_with("CALLOUT_");
    if !is_ours || plain.starts_with("CALLOUT_KEY") || VARIABLES.contains(&plain) {
        return None;
    }
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == plain).map(|(_, name)| *name);
    let meant = other.or_else(|| config::meant(plain, &VARIABLES))?;
    Some(format!("the environment sets {name}, which nothing reads; did you mean {meant}?"))
}
