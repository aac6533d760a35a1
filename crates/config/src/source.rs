//! A `[[source]]` table of `callout.toml`. In: its text. Out: what the source may send, with which keys, how fast.
//!
//! Never: lets one broker user publish for two sources, or leaves one whose events nothing would take.

use std::{collections::BTreeSet, path::Path};

use domain::{
    adapter::Adapters, event::holds_type, source::KeyHash, team::meet, token::TOKEN_SOURCES,
    workflow::Workflow,
};

use crate::{
    adapters::read_adapters,
    problem::Problems,
    reader::{Document, Section},
    team::read_team,
};

/// The highest value of `events_per_second`.
const EVENTS_PER_S_MAX: u32 = 100_000;

/// What shows that an event is of a source.
const PROOFS: [&str; 4] = ["key_sha256", "key_env", "webhook_secret_env", "amqp_user"];

/// One `[[source]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// The CloudEvents `source` that it sends for.
    pub name: String,
    /// The event types that it may send.
    pub types: Vec<String>,
    /// Hashes of its bearer keys.
    pub key_hashes: Vec<KeyHash>,
    /// Environment variables that hold bearer keys.
    pub key_env: Vec<String>,
    /// Environment variables that hold Standard Webhooks secrets.
    pub webhook_secret_env: Vec<String>,
    /// The broker user that publishes for it.
    pub amqp_user: Option<String>,
    /// Whose it is.
    pub team: Option<String>,
    /// What its adapters make.
    pub adapters: Adapters,
    /// Its quota in events a second; what is beyond waits one lane lower. The usual quota when absent.
    pub events_per_second: Option<u32>,
}

/// Broker users: each is either our own or publishes for one source.
pub(crate) struct BrokerUsers {
    pub(crate) own: Vec<String>,
    pub(crate) producers: BTreeSet<String>,
}

pub(crate) fn read_source(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    users: &mut BrokerUsers,
) -> Option<SourceSettings> {
    let before = doc.count();
    let name = section.required_text(doc, "name");
    if let Some(name) = name.as_ref().filter(|name| name.value.starts_with(TOKEN_SOURCES)) {
        let message = format!("source.name: what begins with {TOKEN_SOURCES} is kept for tokens");
        doc.problem(&name.at, message);
    }
    let at = section.at.clone();
    let message = "source.types: name the event types it may send, for example [\"incident.*\"]";
    let types = section.required_texts(doc, "types", message);
    let has_proof = PROOFS.iter().any(|key| section.has(key));
    let mut key_hashes = Vec::new();
    for hash in section.texts(doc, "key_sha256") {
        match KeyHash::from_hex(&hash.value) {
            Some(hash) => key_hashes.push(hash),
            None => doc.problem(
                &hash.at,
                "source.key_sha256: expected 64 hex digits, as `printf %s KEY | sha256sum` prints".to_owned(),
            ),
        }
    }
    let key_env: Vec<_> = section.texts(doc, "key_env").into_iter().map(|name| name.value).collect();
    let webhook_secret_env: Vec<_> =
        section.texts(doc, "webhook_secret_env").into_iter().map(|name| name.value).collect();
    let events_per_second = section.integer(doc, "events_per_second", 1..EVENTS_PER_S_MAX + 1);
    let amqp_user = section.text(doc, "amqp_user");
    if let Some(user) = &amqp_user {
        if users.own.contains(&user.value) {
            let message =
                "source.amqp_user: is one of backend.amqp_own_users, which may send for every source";
            doc.problem(&user.at, message.to_owned());
        }
        if !users.producers.insert(user.value.clone()) {
            let message = "source.amqp_user: publishes for another source already; give each source its own broker user";
            doc.problem(&user.at, message.to_owned());
        }
    }
    let amqp_user = amqp_user.map(|user| user.value);
    let is_proven = !key_hashes.is_empty() || !key_env.is_empty() || !webhook_secret_env.is_empty();
    if !is_proven && amqp_user.is_none() {
        let message = "source: give key_sha256, key_env, webhook_secret_env or amqp_user, or no event of it can be accepted";
        if !has_proof {
            section.missing("key_env", message.to_owned());
        } else if doc.count() == before {
            doc.problem(&at, message.to_owned());
        }
    }
    let types: Vec<String> = types.into_iter().map(|kind| kind.value).collect();
    let team = read_team(doc, &mut section, "source.");
    let adapters = read_adapters(doc, &mut section, &types);
    section.finish(doc);
    Some(SourceSettings {
        name: name?.value,
        types,
        key_hashes,
        key_env,
        webhook_secret_env,
        amqp_user,
        team,
        adapters,
        events_per_second,
    })
}

/// Reports types that a source may send and that only workflows of other teams take: every event of them is refused.
pub(crate) fn check_teams(
    file: &Path,
    sources: &[SourceSettings],
    workflows: &[Workflow],
    problems: &mut Problems,
) {
    for source in sources {
        for kind in &source.types {
            let held = std::slice::from_ref(kind);
            let takes = |workflow: &&Workflow| {
                let definition = &workflow.definition;
                holds_type(held, &definition.event)
                    || definition.resolved_by.as_ref().is_some_and(|kind| holds_type(held, kind))
            };
            let takers: Vec<&Workflow> = workflows.iter().filter(takes).collect();
            let is_met = takers.iter().any(|workflow| meet(source.team.as_deref(), workflow.team.as_deref()));
            if let (Some(team), Some(first), false) = (&source.team, takers.first(), is_met) {
                let message = format!(
                    "source {:?} of team {team} may send {kind:?}, which only workflows of other teams take, such as {}; \
                     take the type from its types, or the team from one of them",
                    source.name,
                    first.name()
                );
                problems.add(file, None, message);
            }
        }
    }
}
