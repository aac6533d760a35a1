//! What a destination is: a kind, with what this kind needs. In: what the file says. Out: its name, and what follows from it.
//!
//! Never: reads a file; `kind_reader` does.

use std::{collections::BTreeMap, path::PathBuf};

use url::Url;

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
    /// A webhook of Microsoft Teams' Workflows, whose whole address is the secret.
    Teams,
    /// Jira issues.
    Jira {
        /// The site.
        site: Url,
        /// The user of Jira Cloud; Jira Data Center has a token alone.
        user: Option<String>,
        /// The key of the project.
        project: String,
        /// The name of the issue type.
        issue_type: String,
        /// Labels of a new issue.
        labels: Vec<String>,
        /// The transition that an issue takes when its run is resolved.
        done_transition: Option<String>,
    },
    /// Records of a ServiceNow table.
    ServiceNow {
        /// The instance.
        instance: Url,
        /// The user; a token has none.
        user: Option<String>,
        /// The table.
        table: String,
        /// Fields of a new record.
        fields: BTreeMap<String, String>,
        /// Fields that are written when the run is resolved.
        resolved: BTreeMap<String, String>,
    },
    /// A mapped hook of an OpenClaw gateway.
    OpenClaw {
        /// Where it is posted.
        url: Url,
    },
    /// Mails.
    Email {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is encrypted.
        tls: MailTls,
        /// Root certificates beside the machine's, PEM.
        ca_file: Option<PathBuf>,
        /// Who logs in, if anybody does.
        user: Option<String>,
        /// The sender's address.
        from: String,
        /// Who gets each mail.
        to: Vec<String>,
    },
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
            Self::Teams => "teams",
            Self::Jira { .. } => "jira",
            Self::ServiceNow { .. } => "servicenow",
            Self::OpenClaw { .. } => "openclaw",
            Self::Email { .. } => "email",
            Self::Http { .. } => "http",
        }
    }

    /// Whether it keeps tickets.
    pub(crate) fn opens_tickets(&self) -> bool {
        match self {
            Self::Github { .. } | Self::Jira { .. } | Self::ServiceNow { .. } => true,
            Self::Http { ticket_key, .. } => ticket_key.is_some(),
            Self::Webhook { .. }
            | Self::PagerDuty { .. }
            | Self::Slack
            | Self::Teams
            | Self::OpenClaw { .. }
            | Self::Email { .. } => false,
        }
    }

    /// Whether nothing can be done there without a secret.
    pub(crate) fn needs_secret(&self) -> bool {
        !matches!(self, Self::Http { authorization: None, .. } | Self::Email { user: None, .. })
    }

    /// Requests at once where nothing else is said: a gateway of agents takes one after the other.
    pub(crate) fn in_flight_default(&self) -> u32 {
        if matches!(self, Self::OpenClaw { .. }) { 1 } else { 8 }
    }
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From its first byte.
    Implicit,
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all: the server is on this machine.
    None,
}
