//! What the client has to know. In: values the command line read. Out: [`TwilioConfig`], checked by `TwilioClient::new`.
//!
//! Never: reads the environment or a file, or prints a secret.

use std::time::Duration;

use domain::originator::OriginatorName;
use url::Url;

use crate::{Secret, SidKind};

/// Twilio's own host; other regions have theirs, and the simulator has its address.
pub const API_BASE: &str = "https://api.twilio.com";
/// How long one answer is waited for, unless configured.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How many requests are open at once, unless configured. Twilio limits concurrency per account, near 100.
pub const IN_FLIGHT_MAX: u16 = 80;

/// How to reach Twilio and as whom.
#[derive(Debug, Clone)]
pub struct TwilioConfig {
    /// Scheme, host and port of the API.
    pub api_base: Url,
    /// The account, `AC…`: part of every path, also with an API key.
    pub account_sid: String,
    /// What the requests are signed in with.
    pub credentials: Credentials,
    /// Whom texts may come from, by name; the first is the usual one.
    pub originators: Vec<(OriginatorName, OriginatorAddress)>,
    /// The public URL of our status endpoint; without it no callbacks are asked for.
    pub status_callback: Option<Url>,
    /// The longest time one request may take, with the wait for a free slot.
    pub answer_max: Duration,
    /// Upper bound on requests open at once.
    pub in_flight_max: u16,
    /// Root certificates that are trusted beside the machine's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// The way to an API that is reached by https; straight when absent.
    pub proxy: Option<Proxy>,
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its address, with user and password where it asks for them.
    pub url: Url,
    /// Hosts that are reached without it, as `NO_PROXY` lists them.
    pub except: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.write_str("Proxy(***)")
    }
}

impl TwilioConfig {
    /// The defaults around what has none.
    pub fn new(
        api_base: Url,
        account_sid: impl Into<String>,
        credentials: Credentials,
        originator: OriginatorAddress,
    ) -> Self {
        Self {
            api_base,
            account_sid: account_sid.into(),
            credentials,
            originators: vec![(OriginatorName::default(), originator)],
            status_callback: None,
            answer_max: ANSWER_MAX,
            in_flight_max: IN_FLIGHT_MAX,
            ca_pem: None,
            proxy: None,
        }
    }
}

/// The two credential pairs of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The account's own token; the user name is the account SID.
    AuthToken(Secret),
    /// A key that can be withdrawn alone.
    ApiKey {
        /// `SK…`.
        sid: String,
        /// Shown once, when the key was made.
        secret: Secret,
    },
}

/// Whom a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginatorAddress {
    /// One number, short code or alphanumeric sender.
    From(String),
    /// A messaging service, `MG…`, which picks the sender from its pool.
    MessagingService(String),
}

impl OriginatorAddress {
    /// The parameter of a request, and its value.
    pub(crate) fn parameter(&self) -> (&'static str, &str) {
        match self {
            Self::From(from) => ("From", from),
            Self::MessagingService(sid) => ("MessagingServiceSid", sid),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::From(from) if from.trim().is_empty() => Err(ConfigError::Empty { field: "from" }),
            Self::From(_) => Ok(()),
            Self::MessagingService(sid) => sid_of(SidKind::MessagingService, "messaging_service_sid", sid),
        }
    }
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A SID has the wrong shape.
    #[error("{field} is not {expected}")]
    Malformed {
        /// The name of the setting in the configuration.
        field: &'static str,
        /// What it should look like.
        expected: &'static str,
    },
    /// A value that must not be empty is.
    #[error("{field} is empty")]
    Empty {
        /// The name of the setting in the configuration.
        field: &'static str,
    },
    /// A bound is out of its range.
    #[error("{field} must be {expected}")]
    OutOfRange {
        /// The name of the setting in the configuration.
        field: &'static str,
        /// The allowed range.
        expected: &'static str,
    },
    /// The HTTP client could not start, for example without any trusted root certificate.
    #[error("the HTTP client could not be set up")]
    Transport(#[source] reqwest::Error),
}

impl TwilioConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        sid_of(SidKind::Account, "account_sid", &self.account_sid)?;
        if self.api_base.cannot_be_a_base() || !matches!(self.api_base.scheme(), "http" | "https") {
            return Err(ConfigError::Malformed { field: "api_base", expected: "an http or https URL" });
        }
        match &self.credentials {
            Credentials::AuthToken(token) if token.expose().is_empty() => {
                return Err(ConfigError::Empty { field: "auth_token" });
            }
            Credentials::AuthToken(_) => {}
            Credentials::ApiKey { sid, secret } => {
                sid_of(SidKind::ApiKey, "api_key", sid)?;
                if secret.expose().is_empty() {
                    return Err(ConfigError::Empty { field: "api_key_secret" });
                }
            }
        }
        if self.originators.is_empty() {
            return Err(ConfigError::Empty { field: "from" });
        }
        for (_, address) in &self.originators {
            address.check()?;
        }
        if self.answer_max.is_zero() {
            return Err(ConfigError::OutOfRange { field: "answer_max", expected: "more than zero" });
        }
        if self.in_flight_max == 0 {
            return Err(ConfigError::OutOfRange { field: "in_flight_max", expected: "at least one" });
        }
        Ok(())
    }
}

fn sid_of(kind: SidKind, field: &'static str, text: &str) -> Result<(), ConfigError> {
    if kind.matches(text) { Ok(()) } else { Err(ConfigError::Malformed { field, expected: kind.expected() }) }
}
