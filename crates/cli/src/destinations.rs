//! The destinations of `integrations.toml` as clients. In: settings and secrets. Out: what the role works for.
//!
//! Never: says a secret.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use api::StreamClient;
use config::{Config, DestinationKind, Problems, Secrets};
use destinations::{
    Email, EmailSettings, Github, Http, HttpSettings, Jira, JiraSettings, Login, MailTls, OpenClaw,
    PagerDuty, Requests, ServiceNow, ServiceNowSettings, Slack, Teams, Token, Unusable, Webhook,
};
use integrations::Destination;
use ports::{DestinationClient, SystemClock};
use twilio::Secret;

use crate::exit::Misconfigured;

/// How long after it happened an event is written to the log of the API, in seconds.
const STREAM_GIVE_UP_S: u32 = 24 * 3_600;

/// All destinations.
///
/// # Errors
/// [`Misconfigured`], with every destination whose secret or template cannot be used.
pub(crate) fn all(config: &Config, secrets: &Secrets) -> anyhow::Result<Vec<Destination>> {
    let (mut destinations, mut problems) = (Vec::new(), Problems::default());
    let file = config.files.iter().find(|file| file.ends_with("integrations.toml"));
    for settings in &config.integrations {
        let name = &settings.subscription.name;
        let secrets = secrets.destinations.get(name).map_or(&[][..], Vec::as_slice);
        match client(settings, secrets) {
            Ok(client) => destinations.push(Destination {
                name: name.clone(),
                client,
                in_flight_max: settings.in_flight_max,
                // A gateway's agent acts on what it is told last.
                in_order: matches!(settings.kind, DestinationKind::OpenClaw { .. }),
                give_up_after_s: settings.give_up_after_s,
            }),
            Err(error) => {
                let file = file.map_or(Path::new("integrations.toml"), PathBuf::as_path);
                problems.add(file, None, format!("destination {name:?}: {error}"));
            }
        }
    }
    if problems.0.is_empty() { Ok(destinations) } else { Err(Misconfigured(problems).into()) }
}

/// The log that the API streams, as one more destination of the role `integrations`.
pub(crate) fn stream(log: StreamClient) -> Destination {
    Destination {
        name: domain::outbound::STREAM.to_owned(),
        client: Arc::new(log),
        // One at a time: a reader sees what happens to a run in its order.
        in_flight_max: 1,
        in_order: false,
        give_up_after_s: STREAM_GIVE_UP_S,
    }
}

fn client(
    settings: &config::Destination,
    secrets: &[Secret],
) -> Result<Arc<dyn DestinationClient>, Unusable> {
    let name = &settings.subscription.name;
    let requests = Requests::new(settings.allow_private)?;
    let first = secrets.first().map(Secret::expose);
    let token = || first.map(Token::new).ok_or_else(|| Unusable("it has no secret".to_owned()));
    let login = |user| token().map(|secret| Login { user, secret });
    let clock = Arc::new(SystemClock);
    Ok(match settings.kind.clone() {
        DestinationKind::Webhook { url } => {
            let secrets = destinations::webhook_secrets(secrets.iter().map(Secret::expose))?;
            Arc::new(Webhook::new(requests, url, secrets, settings.includes_text))
        }
        DestinationKind::Github { api, repository, labels } => {
            Arc::new(Github::new(requests, &api, &repository, labels, token()?, name, clock))
        }
        DestinationKind::PagerDuty { api } => Arc::new(PagerDuty::new(requests, &api, token()?)),
        DestinationKind::Slack => {
            Arc::new(Slack::new(requests, destinations::secret_url(first.unwrap_or_default())?))
        }
        DestinationKind::Teams => {
            Arc::new(Teams::new(requests, destinations::secret_url(first.unwrap_or_default())?))
        }
        DestinationKind::OpenClaw { url } => Arc::new(OpenClaw::new(requests, url, token()?)),
        DestinationKind::Jira { site, user, project, issue_type, labels, done_transition } => {
            let settings = JiraSettings { site, project, issue_type, labels, done_transition };
            Arc::new(Jira::new(requests, settings, login(user)?, name, clock))
        }
        DestinationKind::ServiceNow { instance, user, table, fields, resolved } => {
            let settings = ServiceNowSettings { instance, table, fields, resolved };
            Arc::new(ServiceNow::new(requests, settings, login(user)?, name, clock))
        }
        DestinationKind::Email { host, port, tls, ca_file, user, from, to } => {
            let allow_private = settings.allow_private;
            let settings =
                EmailSettings { host, port, tls: mail_tls(tls), ca_file, user, from, to, allow_private };
            Arc::new(Email::new(settings, first.map(Token::new), clock)?)
        }
        DestinationKind::Http {
            url,
            body,
            content_type,
            authorization,
            idempotency_header,
            ticket_key,
            ticket_url,
        } => {
            let settings = HttpSettings {
                url,
                body,
                content_type,
                authorization,
                idempotency_header,
                ticket_key,
                ticket_url,
                includes_text: settings.includes_text,
            };
            Arc::new(Http::new(requests, settings, first.map(Token::new), name)?)
        }
    })
}

fn mail_tls(tls: config::MailTls) -> MailTls {
    match tls {
        config::MailTls::Implicit => MailTls::Implicit,
        config::MailTls::StartTls => MailTls::StartTls,
        config::MailTls::None => MailTls::None,
    }
}
