//! `X-Twilio-Signature`. In: the public URL, the decoded parameters, the header. Out: genuine or not, or a signature.
//!
//! Never: compares in a time that depends on the content, or prints a token.
//! The scheme has no timestamp, so a genuine request may still be a repeated one.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::Secret;

/// Bytes in one block of SHA-1, which is the length HMAC pads its key to (RFC 2104, section 2).
const BLOCK_BYTES: usize = 64;

/// One Auth Token, ready to sign.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha1>);

impl SigningKey {
    /// Prepares a token.
    pub fn new(token: &Secret) -> Self {
        let token = token.expose().as_bytes();
        let mut block = [0u8; BLOCK_BYTES];
        if token.len() > BLOCK_BYTES {
            let digest = Sha1::digest(token);
            block[..digest.len()].copy_from_slice(&digest);
        } else {
            block[..token.len()].copy_from_slice(token);
        }
        Self(Hmac::new(&block.into()))
    }

    /// Signs a form request. The fragment of the URL is not part of it, whether or not it is still there.
    pub fn sign(&self, url: &str, params: &[(String, String)]) -> String {
        self.sign_parts(&[without_fragment(url)], &sorted(params))
    }

    fn sign_parts(&self, url: &[&str], sorted: &[&(String, String)]) -> String {
        let mut mac = self.0.clone();
        for part in url {
            mac.update(part.as_bytes());
        }
        for (key, value) in sorted {
            mac.update(key.as_bytes());
            mac.update(value.as_bytes());
        }
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Says whether a webhook came from Twilio.
#[derive(Debug, Clone)]
pub struct SignatureVerifier {
    keys: Vec<SigningKey>,
}

impl SignatureVerifier {
    /// A verifier that accepts any of these tokens: the current one and, during a rotation, the next.
    /// Empty tokens are left out, for anyone can sign with those; without a token nothing is accepted.
    pub fn new(tokens: Vec<Secret>) -> Self {
        Self { keys: tokens.iter().filter(|token| !token.expose().is_empty()).map(SigningKey::new).collect() }
    }

    /// Whether the signature fits the public URL, query included, and the decoded parameters of the body.
    ///
    /// Twilio signs with or without the port, so both spellings are tried.
    pub fn verify(&self, url: &str, params: &[(String, String)], signature: &str) -> bool {
        let url = without_fragment(url);
        let sorted = sorted(params);
        let split = PortSplit::of(url);
        let port = split.port.or(split.default_port());
        let as_it_is = [url, "", "", ""];
        let without_port = [split.before, "", "", split.after];
        let with_port = [split.before, ":", port.unwrap_or_default(), split.after];
        let mut genuine = Choice::from(0);
        for key in &self.keys {
            for spelling in [&as_it_is, &without_port, &with_port] {
                genuine |= same(&key.sign_parts(spelling, &sorted), signature);
            }
        }
        genuine.into()
    }

    /// Whether the signature fits a body that is not a form: the URL carries the body's SHA-256, and is signed alone.
    pub fn verify_json_body(&self, url: &str, body: &[u8], signature: &str) -> bool {
        let query = without_fragment(url).split_once('?').map_or("", |(_, query)| query);
        let Some(claimed) = query.split('&').find_map(|pair| pair.strip_prefix("bodySHA256=")) else {
            return false;
        };
        let actual = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        bool::from(same(&actual, &claimed.to_ascii_lowercase())) & self.verify(url, &[], signature)
    }
}

fn same(expected: &str, given: &str) -> Choice {
    expected.as_bytes().ct_eq(given.as_bytes())
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

/// By name, then by value, each pair once.
fn sorted(params: &[(String, String)]) -> Vec<&(String, String)> {
    let mut sorted: Vec<_> = params.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// A URL around its port. The bytes stay as they were: rebuilding a parsed URL would change them.
struct PortSplit<'a> {
    before: &'a str,
    port: Option<&'a str>,
    after: &'a str,
}

impl<'a> PortSplit<'a> {
    fn of(url: &'a str) -> Self {
        let authority = url.find("://").map_or(0, |at| at + 3);
        let end = url[authority..].find(['/', '?']).map_or(url.len(), |at| authority + at);
        // Behind the user name and password, and behind the brackets of an IPv6 address, whose colons are no port.
        let host = url[authority..end].rfind(['@', ']']).map_or(authority, |at| authority + at + 1);
        match url[host..end].rfind(':') {
            Some(at) => {
                let colon = host + at;
                Self { before: &url[..colon], port: Some(&url[colon + 1..end]), after: &url[end..] }
            }
            None => Self { before: &url[..end], port: None, after: &url[end..] },
        }
    }

    fn default_port(&self) -> Option<&'static str> {
        if self.before.starts_with("https:") { Some("443") } else { Some("80") }
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
