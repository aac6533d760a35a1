//! Who may send which events.
//!
//! In: configuration and a request's credentials. Out: the source they belong to.
//! Never: keeps a key in clear, or compares one in a time that depends on it.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
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
            return self.holder(key);
        }
        self.0.iter().find(|source| {
            source.webhook_secrets.iter().any(|secret| webhook_signature::verify(secret, headers, body, now))
        })
    }

    /// The source that has this key.
    pub(crate) fn holder(&self, key: &str) -> Option<&Source> {
        let hash = KeyHash::of(key);
        // Every key is compared, so that the time does not tell which one came close.
        let holds = |source: &Source| {
            source.keys.iter().fold(false, |found, known| bool::from(known.0.ct_eq(&hash.0)) | found)
        };
        self.0.iter().fold(None, |found, source| if holds(source) { Some(source) } else { found })
    }
}

/// The key of a tool's request: a bearer key, or the password of basic authentication, whatever the user name is.
pub(crate) fn adapter_key(headers: &HeaderMap) -> Option<String> {
    if let Some(key) = bearer(headers) {
        return Some(key.to_owned());
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_tool_s_key_is_a_bearer_key_or_the_password_of_any_user() {
        let key = |authorization: &str| {
            let value = HeaderValue::from_bytes(authorization.as_bytes()).unwrap();
            adapter_key(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
        };
        assert_eq!(key("Bearer key").as_deref(), Some("key"));
        let basic = |pair: &str| format!("basic {}", BASE64_STANDARD.encode(pair));
        assert_eq!(key(&basic("grafana:key:with:colons")).as_deref(), Some("key:with:colons"));
        assert_eq!(key(&basic(":key")).as_deref(), Some("key"));
        for wrong in ["key", "Digest x", "Basic ???", "Basic AA==", "Basic /w=="] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
        assert_eq!(adapter_key(&HeaderMap::new()), None);
    }
}
