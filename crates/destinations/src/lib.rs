//! Clients of the services that outcomes are told to.
//!
//! In: effects, with what their destination needs to know. Out: requests over HTTP, mails, and what their answers mean.
//! Never: follows a redirect, reaches a private address that was not allowed, or says a secret in an error.

mod address_guard;
mod calendar;
mod cloud_event;
mod email;
mod error_answer;
mod folded_utf8;
mod github;
mod http;
mod jira;
mod login;
mod open_once;
mod openclaw;
mod page;
mod pagerduty;
mod request;
mod servicenow;
mod slack;
mod teams;
mod template_check;
mod ticket_url;
mod webhook;

use std::fmt;

use domain::source::WebhookSecret;
use url::Url;

pub use calendar::{CalendarClient, read_file as read_calendar_file};
pub use email::{Email, EmailSettings, MailTls};
pub use github::Github;
pub use http::{Http, HttpSettings};
pub use jira::{Jira, JiraSettings};
pub use login::Login;
pub use openclaw::OpenClaw;
pub use pagerduty::PagerDuty;
pub use request::Requests;
pub use servicenow::{ServiceNow, ServiceNowSettings};
pub use slack::Slack;
pub use teams::Teams;
pub use webhook::Webhook;

/// A secret that goes into a header or a body, and nowhere else.
#[derive(Clone)]
pub struct Token(Box<str>);

impl Token {
    /// Wraps a secret.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a client could not be made. Names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// The fewest and the most bytes of a secret, by the specification of Standard Webhooks ("Signature scheme").
const SECRET_BYTES: (usize, usize) = (24, 64);

/// Secrets of a webhook, the one in use first.
///
/// # Errors
/// When one is not `whsec_` and base64 of as many bytes as Standard Webhooks wants.
pub fn webhook_secrets<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<WebhookSecret>, Unusable> {
    let parse = |text| {
        let unreadable = || Unusable("a secret is not whsec_ and base64".to_owned());
        let secret = WebhookSecret::parse(text).ok_or_else(unreadable)?;
        let (length, (least, most)) = (secret.0.len(), SECRET_BYTES);
        if !(least..=most).contains(&length) {
            let message = format!(
                "a secret has {length} bytes, and Standard Webhooks wants {least} to {most}: make one with \
                 `echo whsec_$(openssl rand -base64 24)`"
            );
            return Err(Unusable(message));
        }
        Ok(secret)
    };
    texts.map(parse).collect()
}

/// An address that is a secret as a whole.
///
/// # Errors
/// When it is no address of the web.
pub fn secret_url(text: &str) -> Result<Url, Unusable> {
    let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    url.filter(Url::has_host).ok_or_else(|| Unusable("its secret is no address, as https://...".to_owned()))
}
