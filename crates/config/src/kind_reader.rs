//! The kind of a destination, read. In: a table of `integrations.toml`. Out: the kind, with the keys that it takes.
//!
//! Never: takes an address with a secret in it.

use std::{collections::BTreeMap, path::Path};

use url::Host;

use crate::{
    destination_address::{AddressRules, is_local},
    destination_kind::{DestinationKind, MailTls},
    http_kind,
    reader::{Document, Placed, Section},
    tls_files::certificates,
};

const GITHUB: &str = "https://api.github.com/";
const PAGERDUTY: &str = "https://events.pagerduty.com/";

const KINDS: &str = "webhook, github, jira, servicenow, pagerduty, slack, teams, openclaw, email or http";

/// Whether there is such a kind, and so what keys it takes is known.
pub(crate) fn is_kind(name: &str) -> bool {
    KINDS.split([',', ' ']).any(|kind| kind == name && kind != "or")
}

/// Reads what a destination is, and the keys of its kind.
pub(crate) fn read_kind(
    doc: &mut Document<'_>,
    name: &str,
    kind: &Placed<String>,
    section: &mut Section<'_>,
    folder: &Path,
    rules: AddressRules,
) -> Option<DestinationKind> {
    Some(match kind.value.as_str() {
        "webhook" => DestinationKind::Webhook { url: rules.required(doc, section)? },
        "github" => {
            let api = rules.with_paths().read(doc, section, "api").unwrap_or(GITHUB.parse().ok()?);
            let repository = read_repository(doc, section);
            let labels = section.texts(doc, "labels").into_iter().map(|label| label.value).collect();
            DestinationKind::Github { api, repository: repository?, labels }
        }
        "pagerduty" => {
            let api = rules.with_paths().read(doc, section, "api").unwrap_or(PAGERDUTY.parse().ok()?);
            DestinationKind::PagerDuty { api }
        }
        "slack" => DestinationKind::Slack,
        "teams" => DestinationKind::Teams,
        "openclaw" => DestinationKind::OpenClaw { url: rules.required(doc, section)? },
        "jira" => read_jira(doc, section, rules)?,
        "servicenow" => read_servicenow(doc, section, rules)?,
        "email" => read_email(doc, section, folder, rules)?,
        "http" => http_kind::read(doc, name, section, rules)?,
        other => {
            doc.problem(&kind.at, format!("{name}.kind: expected {KINDS}, not {other:?}"));
            return None;
        }
    })
}

fn read_jira(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    rules: AddressRules,
) -> Option<DestinationKind> {
    let (site, project) = (rules.with_paths().required(doc, section), section.required_text(doc, "project"));
    let is_key = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let project = project.filter(|project| {
        let is_key = is_key(&project.value);
        if !is_key {
            let message = format!("project: expected the key of a project, as OPS, not {:?}", project.value);
            doc.problem(&project.at, message);
        }
        is_key
    });
    let labels = section.texts(doc, "labels");
    for label in labels.iter().filter(|label| label.value.contains(char::is_whitespace)) {
        doc.problem(&label.at, format!("labels: {:?}: Jira takes no label with spaces", label.value));
    }
    let mut optional = |key| section.text(doc, key).map(|text| text.value);
    let (user, done_transition) = (optional("user"), optional("done_transition"));
    let issue_type = optional("issue_type").unwrap_or_else(|| "Task".to_owned());
    Some(DestinationKind::Jira {
        site: site?,
        user,
        project: project?.value,
        issue_type,
        labels: labels.into_iter().map(|label| label.value).collect(),
        done_transition,
    })
}

/// Fields that callout writes itself.
const OWN_FIELDS: [&str; 5] =
    ["short_description", "description", "correlation_id", "correlation_display", "work_notes"];

fn read_servicenow(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    rules: AddressRules,
) -> Option<DestinationKind> {
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let instance = rules.with_paths().required(doc, section);
    let user = section.text(doc, "user").map(|user| user.value);
    let table = section.text(doc, "table");
    if let Some(table) = table.as_ref().filter(|table| !is_name(&table.value)) {
        doc.problem(&table.at, format!("table: expected a name as incident, not {:?}", table.value));
    }
    let mut fields = |key| {
        let texts = section.section(doc, key).map(|fields| fields.into_texts(doc)).unwrap_or_default();
        for (name, text) in &texts {
            if OWN_FIELDS.contains(&name.as_str()) {
                doc.problem(&text.at, format!("{key}.{name}: leave it out, callout writes it"));
            } else if !is_name(name) {
                let message =
                    format!("{key}: expected the name of a field, as assignment_group, not {name:?}");
                doc.problem(&text.at, message);
            }
        }
        texts.into_iter().map(|(name, text)| (name, text.value)).collect::<BTreeMap<_, _>>()
    };
    let (fields, resolved) = (fields("fields"), fields("resolved"));
    let table = table.map_or_else(|| "incident".to_owned(), |table| table.value);
    Some(DestinationKind::ServiceNow { instance: instance?, user, table, fields, resolved })
}

fn read_email(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    folder: &Path,
    rules: AddressRules,
) -> Option<DestinationKind> {
    let host = section.required_text(doc, "host");
    let tls = section.text(doc, "tls");
    let encryption = match tls.as_ref().map(|tls| tls.value.as_str()) {
        None | Some("starttls") => MailTls::StartTls,
        Some("implicit") => MailTls::Implicit,
        Some("none") => MailTls::None,
        Some(_) => {
            let tls = tls.as_ref()?;
            doc.problem(&tls.at, format!("tls: expected starttls, implicit or none, not {:?}", tls.value));
            MailTls::StartTls
        }
    };
    let is_elsewhere = host.as_ref().is_some_and(|host| !is_local(Host::parse(&host.value).ok()));
    if let Some(tls) = tls.filter(|_| encryption == MailTls::None && is_elsewhere) {
        let message = "tls: \"none\" is for a server on this machine only; use \"starttls\" or \"implicit\"";
        doc.problem(&tls.at, message.to_owned());
    }
    let host_fault = host.as_ref().and_then(|host| Some((host, rules.host_fault(&host.value)?)));
    if let Some((host, fault)) = host_fault {
        doc.problem(&host.at, format!("host: {fault}"));
    }
    let port = section.integer(doc, "port", 1..u32::from(u16::MAX) + 1).unwrap_or(match encryption {
        MailTls::Implicit => 465,
        MailTls::StartTls => 587,
        MailTls::None => 25,
    });
    let ca_file = certificates(doc, section, folder, "ca_file").map(|file| file.value);
    let user = section.text(doc, "user").map(|user| user.value);
    let from = section.required_text(doc, "from");
    let to = section.required_texts(doc, "to", "to: name who gets the mails, as [\"ops@example.com\"]");
    let to: Vec<String> = to.into_iter().map(|to| to.value).collect();
    Some(DestinationKind::Email {
        host: host?.value,
        port: port as u16,
        tls: encryption,
        ca_file,
        user,
        from: from?.value,
        to,
    })
}

fn read_repository(doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<String> {
    let text = section.required_text(doc, "repository")?;
    let is_part = |part: &str| {
        let is_mark = |c: char| matches!(c, '.' | '_' | '-');
        !matches!(part, "" | "." | "..") && part.chars().all(|c| c.is_ascii_alphanumeric() || is_mark(c))
    };
    let parts: Vec<&str> = text.value.split('/').collect();
    let is_name = parts.len() == 2 && parts.into_iter().all(is_part);
    if !is_name {
        doc.problem(&text.at, format!("repository: expected OWNER/NAME, not {:?}", text.value));
    }
    is_name.then_some(text.value)
}
