//! Who may send which events. In: text from files and the environment. Out: sources with hashes and secrets, checked.
//!
//! Never: keeps a bearer key in clear, or prints any of them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::adapter::Adapters;

/// The SHA-256 of a bearer key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// The hash of a key in clear.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads 64 hex digits, as `sha256sum` prints them.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digit = |at: usize| hex.as_bytes().get(at).and_then(|b| char::from(*b).to_digit(16));
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = (digit(2 * index)? << 4 | digit(2 * index + 1)?) as u8;
        }
        (hex.len() == 64).then_some(Self(hash))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(***)")
    }
}

/// The secret of Standard Webhooks signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(pub Vec<u8>);

impl WebhookSecret {
    /// Reads the usual form: base64, usually after `whsec_`.
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        let secret = STANDARD.decode(encoded).ok()?;
        (!secret.is_empty()).then_some(Self(secret))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

/// One trusted source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The CloudEvents `source` it speaks for.
    pub name: String,
    /// The event types it may send; `incident.*` means all that begin with `incident.`, `*` means all.
    pub types: Vec<String>,
    /// Hashes of its bearer keys: the current one and, while it is being changed, the next.
    pub keys: Vec<KeyHash>,
    /// Secrets it may sign with.
    pub webhook_secrets: Vec<WebhookSecret>,
    /// Whose it is: its events reach workflows of this team and of none. Those of every team without it.
    pub team: Option<String>,
    /// What its adapters make of what tools send.
    pub adapters: Adapters,
}

impl Source {
    /// Whether it may send events of this type.
    pub fn may_send(&self, event_type: &str) -> bool {
        crate::event::holds_type(&self.types, event_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_sha256sum_prints_it() {
        let hex = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
        assert_eq!(KeyHash::of("key"), KeyHash::from_hex(hex).unwrap());
        assert!(KeyHash::from_hex(&hex[1..]).is_none() && KeyHash::from_hex(&format!("{hex}00")).is_none());
        assert!(KeyHash::from_hex(&hex.replace('2', "g")).is_none());
    }

    #[test]
    fn a_webhook_secret_is_base64_and_not_empty() {
        assert!(WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_some());
        assert!(WebhookSecret::parse("whsec_").is_none() && WebhookSecret::parse("whsec_?").is_none());
    }

    #[test]
    fn neither_a_hash_nor_a_secret_is_printed() {
        let secret = WebhookSecret::parse("AAAA").unwrap();
        assert_eq!(format!("{:?} {secret:?}", KeyHash([7; 32])), "KeyHash(***) WebhookSecret(***)");
    }
}
