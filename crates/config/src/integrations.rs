//! `integrations.toml`: where outcomes are told and tickets are opened. In: its text. Out: destinations.
//!
//! Never: holds a secret: a destination names the variables that its secrets are in.

use std::{collections::BTreeSet, path::Path};

use domain::{effect::OutcomeKind, outbound::Subscription};

use crate::{
    destination_address::AddressRules,
    destination_kind::DestinationKind,
    kind_reader::{is_kind, read_kind},
    problem::Problems,
    reader::{Document, Section},
};

/// The file of destinations.
pub(crate) const INTEGRATIONS: &str = "integrations.toml";
/// Longest name of a destination: it is a part of keys.
const NAME_CHARS_MAX: usize = 40;
const IN_FLIGHT_MAX: u32 = 256;
const DAY_S: u32 = 24 * 3_600;
/// The longest that an effect is tried for, in seconds.
const GIVE_UP_S_MAX: u32 = 7 * DAY_S;

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

pub(crate) fn read(
    path: &Path,
    text: &str,
    workflows: &[String],
    problems: &mut Problems,
) -> Vec<Destination> {
    let mut doc = Document::new(path, text, problems);
    let top = doc.parse();
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut destinations = Vec::new();
    for (name, section) in top.into_sections(&mut doc) {
        destinations.extend(read_destination(&mut doc, name, section, workflows, folder));
    }
    destinations
}

fn read_destination(
    doc: &mut Document<'_>,
    name: String,
    mut section: Section<'_>,
    workflows: &[String],
    folder: &Path,
) -> Option<Destination> {
    let at = section.at.clone();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(is_plain) {
        let message = format!(
            "{name:?}: name a destination with lower-case letters, digits and hyphens, {NAME_CHARS_MAX} at most"
        );
        doc.problem(&at, message);
    }
    if name == domain::outbound::STREAM {
        doc.problem(&at, format!("{name:?} is the stream of the API; choose another name"));
    }
    let kind = section.required_text(doc, "kind");
    let names_events = section.has("events");
    refuse_empty_lists(doc, &name, &section);
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
    let in_flight = section.integer(doc, "in_flight_max", 1..IN_FLIGHT_MAX + 1);
    let give_up_after_s = section.seconds(doc, "give_up_after", 60..GIVE_UP_S_MAX + 1).unwrap_or(DAY_S);
    let named = kind;
    let rules = AddressRules { allow_private, takes_paths: false };
    let kind = named.as_ref().and_then(|kind| read_kind(doc, &name, kind, &mut section, folder, rules));
    if let Some(kind) = &kind {
        if secret_env.is_empty() && kind.needs_secret() {
            section
                .missing("secret_env", format!("{name}.secret_env: name the variable that its secret is in"));
        }
        if events.is_empty() && !names_events && !kind.opens_tickets() {
            let message = format!(
                "{name}.events: name what it is told of, for example [\"run.exhausted\"], or [\"*\"] for everything"
            );
            section.missing("events", message);
        }
    }
    if named.is_some_and(|kind| is_kind(&kind.value)) {
        section.finish(doc);
    } else {
        section.abandon(doc);
    }
    let kind = kind?;
    Some(Destination {
        in_flight_max: in_flight.unwrap_or(kind.in_flight_default()) as u16,
        subscription: Subscription {
            name,
            events,
            workflows: of_workflows,
            opens_tickets: kind.opens_tickets(),
        },
        kind,
        secret_env,
        includes_text,
        allow_private,
        give_up_after_s,
    })
}

/// An empty list may be meant as nothing, or as everything.
fn refuse_empty_lists(doc: &mut Document<'_>, name: &str, section: &Section<'_>) {
    for (key, advice) in [
        ("events", "name what it is told of, or leave the key out where it opens tickets alone"),
        ("workflows", "name some, or leave the key out for all of them"),
    ] {
        if let Some(at) = section.empty_list(key) {
            doc.problem(&at, format!("{name}.{key}: the list is empty; {advice}"));
        }
    }
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
    workflows: &[String],
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in section.texts(doc, "workflows") {
        if !workflows.contains(&text.value) {
            doc.problem(&text.at, format!("workflows: there is no workflow {:?}", text.value));
        }
        names.insert(text.value);
    }
    names
}
