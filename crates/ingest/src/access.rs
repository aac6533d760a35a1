//! Who may send which events.
//!
//! In: configuration and a request's credentials. Out: the source they belong to.
//! Never: keeps a key in clear, or compares one in a time that depends on it.

use axum::http::{HeaderMap, header};
use domain::source::{KeyHash, Source};
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use crate::webhook_signature;

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
