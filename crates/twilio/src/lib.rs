//! Twilio as our SMS provider: one request per submit, what an account says of itself, signatures, webhooks, and error
//! codes as data.
//!
//! In: submissions and webhook requests. Out: outcomes and parsed facts in the domain's words.
//! Never: retries, decides what to do next, reads the clock, or prints a secret, a text or a whole number.

mod account;
mod answer;
mod client;
mod config;
pub mod error_code;
mod form;
mod keyword;
mod probe;
mod secret;
mod sender_address;
mod sid;
mod signature;
mod webhook;
mod webhooks;
mod wire;

pub use account::TwilioAccount;
pub use client::TwilioClient;
pub use config::{
    ANSWER_MAX, API_BASE, ConfigError, Credentials, IN_FLIGHT_MAX, OriginatorAddress, Proxy, TwilioConfig,
};
pub use form::{FIELDS_MAX, Form, FormError};
pub use keyword::{KEYWORD_LANGUAGES, Keyword, default_languages, keyword, known_languages};
pub use probe::{probe, probe_answer, probe_sid};
pub use secret::Secret;
pub use sender_address::{NotSenderAddress, SenderAddress};
pub use sid::{InvalidMessageSid, SidKind, message_sid};
pub use signature::{SignatureVerifier, SigningKey};
pub use webhook::{Inbound, OptOut, SenderKind, StatusCallback, WebhookError};
pub use webhooks::{INBOUND_PATH, STATUS_PATH, TwilioWebhooks};
