//! Who may send which events.
//!
//! In: configuration and a request's credentials. Out: the source they belong to.
//! Never: keeps a key in clear, or compares one in a time that depends on it.

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::webhook_signature;

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key in clear.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads 64 hex digits.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digit = |at: usize| hex.as_bytes().get(at).and_then(|b| char::from(*b).to_digit(16));
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = (digit(2 * index)? << 4 | digit(2 * index + 1)?) as u8;
        }
        (hex.len() == 64).then_some(Self(hash))
    }
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHash(***)")
    }
}

/// The secret of Standard Webhooks signatures.
#[derive(Clone)]
pub struct WebhookSecret(pub(crate) Vec<u8>);

impl WebhookSecret {
    /// Reads the usual form, `whsec_` and base64.
    pub fn parse(text: &str) -> Option<Self> {
        use base64::Engine as _;
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        let secret = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        (!secret.is_empty()).then_some(Self(secret))
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

/// One trusted source.
#[derive(Debug, Clone)]
pub struct Source {
    /// The CloudEvents `source` it speaks for.
    pub name: String,
    /// The event types it may send; `incident.*` means all that begin with `incident.`, `*` means all.
    pub types: Vec<String>,
    /// Hashes of its bearer keys: the current one and, while it is being changed, the next.
    pub keys: Vec<KeyHash>,
    /// Secrets it may sign with.
    pub webhook_secrets: Vec<WebhookSecret>,
}

impl Source {
    /// Whether it may send events of this type.
    pub fn may_send(&self, event_type: &str) -> bool {
        domain::event::holds_type(&self.types, event_type)
    }
}

/// All trusted sources.
#[derive(Debug, Clone, Default)]
pub struct Sources(pub Vec<Source>);

impl Sources {
    /// The source whose key or signature the request bears.
    pub fn identify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<&Source> {
        if let Some(key) = bearer(headers) {
            let hash = KeyHash::of(key);
            // Every key is compared, so that the time does not tell which one came close.
            let holds = |source: &Source| {
                source.keys.iter().fold(false, |found, known| bool::from(known.0.ct_eq(&hash.0)) | found)
            };
            return self
                .0
                .iter()
                .fold(None, |found, source| if holds(source) { Some(source) } else { found });
        }
        self.0.iter().find(|source| {
            source.webhook_secrets.iter().any(|secret| webhook_signature::verify(secret, headers, body, now))
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}
