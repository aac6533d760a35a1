//! `integrations.toml`: where outcomes are told and tickets are opened. In: its text. Out: destinations.
//!
//! Never: holds a secret: a destination names the variables that its secrets are in.

use std::{collections::BTreeSet, path::Path};

use domain::{effect::OutcomeKind, outbound::Subscription, workflow::Workflow};
use url::Url;

use crate::{
    problem::Problems,
    reader::{Document, Placed, Section},
};

/// The file of destinations.
pub(crate) const INTEGRATIONS: &str = "integrations.toml";
/// The name under which the stream of the API is a destination.
pub const STREAM: &str = "api-stream";
/// Longest name of a destination: it is a part of keys.
const NAME_CHARS_MAX: usize = 40;
const IN_FLIGHT_MAX: u32 = 256;
const IN_FLIGHT_DEFAULT: u32 = 8;
const DAY_S: u32 = 24 * 3_600;
/// The longest that an effect is tried for, in seconds.
const GIVE_UP_S_MAX: u32 = 7 * DAY_S;
const GITHUB: &str = "https://api.github.com/";
const PAGERDUTY: &str = "https://events.pagerduty.com/";

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// What it is told of, and under which name.
    pub subscription: Subscription,
    /// What it is.
    pub kind: DestinationKind,
    /// Variables that hold its secret, the one in use first. A destination that verifies signatures gets one of each.
    pub secret_env: Vec<String>,
    /// Whether it gets the texts of messages.
    pub includes_text: bool,
    /// Whether it may be on a private address.
    pub allow_private: bool,
    /// Requests at once, from one process.
    pub in_flight_max: u16,
    /// How long after its event an effect is given up, in seconds.
    pub give_up_after_s: u32,
}

/// What a destination is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationKind {
    /// Any service that takes webhooks signed as Standard Webhooks says.
    Webhook {
        /// Where they are posted.
        url: Url,
    },
    /// GitHub issues.
    Github {
        /// The API.
        api: Url,
        /// `owner/name`.
        repository: String,
        /// Labels of a new issue.
        labels: Vec<String>,
    },
    /// PagerDuty, Events API v2.
    PagerDuty {
        /// The API.
        api: Url,
    },
    /// A Slack incoming webhook, whose whole address is the secret.
    Slack,
    /// Anything else: a request made from templates.
    Http {
        /// Where it is posted.
        url: Url,
        /// The body, as a template.
        body: String,
        /// The type of the body.
        content_type: String,
        /// The header that holds the secret, with `{{ secret }}` in its place.
        authorization: Option<String>,
        /// A header that holds the effect's key, for services that take one.
        idempotency_header: Option<String>,
        /// Where in the answer the key of a ticket stands, as a JSON pointer.
        ticket_key: Option<String>,
        /// Where its address stands.
        ticket_url: Option<String>,
    },
}

impl DestinationKind {
    /// Its name in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Github { .. } => "github",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Slack => "slack",
            Self::Http { .. } => "http",
        }
    }

    fn keeps_tickets(&self) -> bool {
        match self {
            Self::Github { .. } => true,
            Self::Http { ticket_key, .. } => ticket_key.is_some(),
            Self::Webhook { .. } | Self::PagerDuty { .. } | Self::Slack => false,
        }
    }
}

const KINDS: &str = "webhook, github, pagerduty, slack or http";

pub(crate) fn read(
    path: &Path,
    text: &str,
    workflows: &[Workflow],
    problems: &mut Problems,
) -> Vec<Destination> {
    let mut doc = Document::new(path, text, problems);
    let top = doc.parse();
    let mut destinations = Vec::new();
    for (name, section) in top.into_sections(&mut doc) {
        destinations.extend(read_destination(&mut doc, name, section, workflows));
    }
    destinations
}

fn read_destination(
    doc: &mut Document<'_>,
    name: String,
    mut section: Section<'_>,
    workflows: &[Workflow],
) -> Option<Destination> {
    let at = section.at.clone();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(is_plain) {
        let message = format!(
            "{name:?}: name a destination with lower-case letters, digits and hyphens, {NAME_CHARS_MAX} at most"
        );
        doc.problem(&at, message);
    }
    if name == STREAM {
        doc.problem(&at, format!("{name:?} is the stream of the API; choose another name"));
    }
    let kind = section.required_text(doc, "kind");
    let events = read_events(doc, &mut section);
    let of_workflows = read_workflows(doc, &mut section, workflows);
    let secret_env: Vec<String> =
        section.texts(doc, "secret_env").into_iter().map(|name| name.value).collect();
    let mut includes_text = false;
    for item in section.texts(doc, "include") {
        if item.value == "text" {
            includes_text = true;
        } else {
            doc.problem(&item.at, format!("{name}.include: expected \"text\", not {:?}", item.value));
        }
    }
    let allow_private = section.boolean(doc, "allow_private").unwrap_or_default();
    let in_flight = section.integer(doc, "in_flight_max", 1..IN_FLIGHT_MAX + 1).unwrap_or(IN_FLIGHT_DEFAULT);
    let give_up_after_s = section.seconds(doc, "give_up_after", 60..GIVE_UP_S_MAX + 1).unwrap_or(DAY_S);
    let kind = read_kind(doc, &name, &kind?, &mut section);
    section.finish(doc);
    let kind = kind?;
    if secret_env.is_empty() && !matches!(kind, DestinationKind::Http { authorization: None, .. }) {
        doc.problem(&at, format!("{name}.secret_env: name the variable that its secret is in"));
    }
    if events.is_empty() && !kind.keeps_tickets() {
        let message = format!(
            "{name}.events: name what it is told of, for example [\"run.exhausted\"], or [\"*\"] for everything"
        );
        doc.problem(&at, message);
    }
    Some(Destination {
        subscription: Subscription {
            name,
            events,
            workflows: of_workflows,
            keeps_tickets: kind.keeps_tickets(),
        },
        kind,
        secret_env,
        includes_text,
        allow_private,
        in_flight_max: in_flight as u16,
        give_up_after_s,
    })
}

fn read_events(doc: &mut Document<'_>, section: &mut Section<'_>) -> BTreeSet<OutcomeKind> {
    let mut events = BTreeSet::new();
    for text in section.texts(doc, "events") {
        let prefix = text.value.strip_suffix('*');
        let wanted = |kind: &&OutcomeKind| match prefix {
            Some(prefix) => kind.as_str().starts_with(prefix),
            None => kind.as_str() == text.value,
        };
        let before = events.len();
        events.extend(OutcomeKind::ALL.iter().filter(wanted).copied());
        if events.len() == before {
            let known: Vec<&str> = OutcomeKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let message = format!("events: {:?} is none of {}", text.value, known.join(", "));
            doc.problem(&text.at, message);
        }
    }
    events
}

fn read_workflows(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    workflows: &[Workflow],
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in section.texts(doc, "workflows") {
        if !workflows.iter().any(|workflow| workflow.name() == text.value) {
            doc.problem(&text.at, format!("workflows: there is no workflow {:?}", text.value));
        }
        names.insert(text.value);
    }
    names
}

fn read_kind(
    doc: &mut Document<'_>,
    name: &str,
    kind: &Placed<String>,
    section: &mut Section<'_>,
) -> Option<DestinationKind> {
    Some(match kind.value.as_str() {
        "webhook" => DestinationKind::Webhook { url: required_url(doc, section)? },
        "github" => {
            let api = url(doc, section, "api").unwrap_or(GITHUB.parse().ok()?);
            let repository = read_repository(doc, section);
            let labels = section.texts(doc, "labels").into_iter().map(|label| label.value).collect();
            DestinationKind::Github { api, repository: repository?, labels }
        }
        "pagerduty" => {
            DestinationKind::PagerDuty { api: url(doc, section, "api").unwrap_or(PAGERDUTY.parse().ok()?) }
        }
        "slack" => DestinationKind::Slack,
        "http" => {
            let mut optional = |key| section.text(doc, key).map(|text| text.value);
            let content_type = optional("content_type").unwrap_or_else(|| "application/json".to_owned());
            let (authorization, idempotency_header) =
                (optional("authorization"), optional("idempotency_header"));
            let (ticket_key, ticket_url) = (optional("ticket_key"), optional("ticket_url"));
            let (url, body) = (required_url(doc, section), section.required_text(doc, "body"));
            DestinationKind::Http {
                url: url?,
                body: body?.value,
                content_type,
                authorization,
                idempotency_header,
                ticket_key,
                ticket_url,
            }
        }
        other => {
            doc.problem(&kind.at, format!("{name}.kind: expected {KINDS}, not {other:?}"));
            return None;
        }
    })
}

fn read_repository(doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<String> {
    let text = section.required_text(doc, "repository")?;
    let is_name = text.value.split('/').filter(|part| !part.is_empty()).count() == 2;
    if !is_name {
        doc.problem(&text.at, format!("repository: expected OWNER/NAME, not {:?}", text.value));
    }
    is_name.then_some(text.value)
}

fn required_url(doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<Url> {
    if !section.has("url") {
        doc.problem(&section.at.clone(), "url: required".to_owned());
    }
    url(doc, section, "url")
}

/// An address without a secret in it.
fn url(doc: &mut Document<'_>, section: &mut Section<'_>, key: &'static str) -> Option<Url> {
    let url = section.parsed::<Url>(doc, key)?;
    let fault = match url.value.scheme() {
        "https" | "http" if url.value.host().is_none() => Some("has no host"),
        "https" | "http" if !url.value.username().is_empty() || url.value.password().is_some() => {
            Some("holds a user or a password; use secret_env")
        }
        "https" => None,
        "http" if is_local(&url.value) => None,
        "http" => Some("must begin with https://; plain http is for this machine only"),
        _ => Some("must begin with https://"),
    };
    if let Some(fault) = fault {
        doc.problem(&url.at, format!("{key}: {fault}"));
    }
    fault.is_none().then_some(url.value)
}

/// Whether an address names this machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
