//! What a source proves itself with. In: text from a file or the environment. Out: a hash or a secret, checked.
//!
//! Never: keeps a bearer key in clear, or prints any of them.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use twilio::Secret;

/// The SHA-256 of a bearer key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key in clear.
    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads 64 hex digits.
    pub(crate) fn from_hex(hex: &str) -> Option<Self> {
        let digit = |at: usize| hex.as_bytes().get(at).and_then(|b| char::from(*b).to_digit(16));
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = (digit(2 * index)? << 4 | digit(2 * index + 1)?) as u8;
        }
        (hex.len() == 64).then_some(Self(hash))
    }

    /// The hash as 64 hex digits.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHash(***)")
    }
}

/// A source with the keys that it may use.
#[derive(Debug, Clone)]
pub struct SourceSecrets {
    /// The CloudEvents `source` that it sends for.
    pub name: String,
    /// The event types that it may send.
    pub types: Vec<String>,
    /// Hashes of its bearer keys: the current one and, during a change, the next.
    pub keys: Vec<KeyHash>,
    /// Standard Webhooks secrets that it may sign with, as `whsec_` and base64.
    pub webhook_secrets: Vec<Secret>,
}

/// Whether the text is a Standard Webhooks secret: base64, usually after `whsec_`.
pub(crate) fn is_webhook_secret(text: &str) -> bool {
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    base64::engine::general_purpose::STANDARD.decode(encoded).is_ok_and(|secret| !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{KeyHash, is_webhook_secret};

    #[test]
    fn a_hash_is_read_as_sha256sum_prints_it() {
        let hex = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
        assert_eq!(KeyHash::of("key"), KeyHash::from_hex(hex).unwrap());
        assert_eq!(KeyHash::of("key").to_hex(), hex);
        assert!(KeyHash::from_hex(&hex[1..]).is_none() && KeyHash::from_hex(&format!("{hex}00")).is_none());
        assert!(KeyHash::from_hex(&hex.replace('2', "g")).is_none());
    }

    #[test]
    fn a_webhook_secret_is_base64_and_not_empty() {
        assert!(is_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        assert!(!is_webhook_secret("whsec_") && !is_webhook_secret("whsec_?"));
    }
}
