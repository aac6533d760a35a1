//! Posts webhooks as Twilio does. In: a URL with its overrides, and parameters. Out: the answer, after retries.
//!
//! Never: follows a redirect, or sends the fragment. By default it tries again once, and only if it could not connect.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use http_client::Reach;
use reqwest::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use tokio::{sync::Semaphore, time::Instant};
use twilio::{Secret, SigningKey};
use url::Url;

use crate::clock;

/// The pause before the first repetition; it doubles. Twilio does not say how long it waits.
const RETRY_WAIT: Duration = Duration::from_millis(50);

/// A webhook's URL and what its fragment asks for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    url: Url,
    /// The URL as it was given, without the fragment: what is signed.
    signed: String,
    overrides: Overrides,
}

/// Connection overrides, in Twilio's order and with its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Overrides {
    connect_ms: u16,
    read_ms: u64,
    total_ms: u64,
    retries: u32,
    policy: Policy,
}

/// After which failures to try again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Policy {
    client_error: bool,
    server_error: bool,
    connect: bool,
    read: bool,
}

impl Default for Overrides {
    fn default() -> Self {
        let policy = Policy { connect: true, ..Policy::default() };
        Self { connect_ms: 5_000, read_ms: 15_000, total_ms: 15_000, retries: 1, policy }
    }
}

impl Target {
    /// `None` for what Twilio refuses: no http, no host, or a host with an underscore.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let host = url.host_str()?;
        if !matches!(url.scheme(), "http" | "https") || host.contains('_') {
            return None;
        }
        let overrides = url.fragment().map(Overrides::parse).unwrap_or_default();
        url.set_fragment(None);
        let signed = text.split_once('#').map_or(text, |(url, _)| url).to_owned();
        Some(Self { url, signed, overrides })
    }

    /// The value of our own id in the query, which identifies a message in the report.
    pub(crate) fn message_id(&self) -> Option<String> {
        self.url.query_pairs().find(|(name, _)| name == "message").map(|(_, id)| id.into_owned())
    }
}

impl Overrides {
    /// Reads a fragment. What is out of range keeps its default, as does what is unknown.
    fn parse(fragment: &str) -> Self {
        let mut overrides = Self::default();
        for (name, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            let ms = |max: u64| value.parse::<u64>().ok().filter(|ms| (100..=max).contains(ms));
            match name {
                "ct" => overrides.connect_ms = ms(10_000).map_or(overrides.connect_ms, |ms| ms as u16),
                "rt" => overrides.read_ms = ms(15_000).unwrap_or(overrides.read_ms),
                "tt" => overrides.total_ms = ms(15_000).unwrap_or(overrides.total_ms),
                "rc" => {
                    overrides.retries = value.parse().ok().filter(|n| *n <= 5).unwrap_or(overrides.retries);
                }
                "rp" => overrides.policy = Policy::parse(value),
                _ => {}
            }
        }
        overrides
    }
}

impl Policy {
    fn parse(list: &str) -> Self {
        let has = |word| list.split(',').any(|one| one == word || one == "all");
        Self { client_error: has("4xx"), server_error: has("5xx"), connect: has("ct"), read: has("rt") }
    }

    fn repeats_after(self, tried: Tried) -> bool {
        match tried {
            Tried::Answered(400..=499) => self.client_error,
            Tried::Answered(500..) => self.server_error,
            Tried::Answered(_) => false,
            Tried::NoConnection => self.connect,
            // A connection that breaks while the answer is awaited counts with those that give none.
            Tried::NoAnswer => self.read,
        }
    }
}

/// What one try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    Answered(u16),
    NoConnection,
    NoAnswer,
}

impl Tried {
    pub(crate) fn is_2xx(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}

#[derive(Debug)]
pub(crate) struct Poster {
    /// One client for each connect timeout that was asked for; the timeout belongs to the client.
    clients: Mutex<BTreeMap<(Reach, u16), reqwest::Client>>,
    slots: Semaphore,
    idle_max: usize,
    key: RwLock<SigningKey>,
}

impl Poster {
    pub(crate) fn new(token: &Secret, at_once: usize) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        let slots = Semaphore::new(at_once);
        let key = RwLock::new(SigningKey::new(token));
        Self { clients: Mutex::new(BTreeMap::new()), slots, idle_max: at_once, key }
    }

    /// Signs with another token from now on.
    pub(crate) fn sign_with(&self, token: &Secret) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = SigningKey::new(token);
    }

    /// Posts until it is answered well, the tries are used up, or the total time is over.
    pub(crate) async fn post(&self, target: &Target, params: &[(String, String)], token: &str) -> Tried {
        let Ok(_slot) = self.slots.acquire().await else { return Tried::NoConnection };
        let overrides = target.overrides;
        let signature = self.key.read().unwrap_or_else(PoisonError::into_inner).sign(&target.signed, params);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let end = clock::instant() + Duration::from_millis(overrides.total_ms);
        let mut pause = RETRY_WAIT;
        let mut tries_left = overrides.retries;
        loop {
            let tried = self.try_once(target, body.clone(), &signature, token, end).await;
            if tried.is_2xx() || tries_left == 0 || !overrides.policy.repeats_after(tried) {
                return tried;
            }
            if clock::instant() + pause >= end {
                return tried;
            }
            clock::sleep(pause).await;
            pause *= 2;
            tries_left -= 1;
        }
    }

    async fn try_once(
        &self,
        target: &Target,
        body: String,
        signature: &str,
        token: &str,
        end: Instant,
    ) -> Tried {
        let Some(client) = self.client(target) else { return Tried::NoConnection };
        let left = end.saturating_duration_since(clock::instant());
        let sent = client
            .post(target.url.clone())
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
            )
            .header(USER_AGENT, HeaderValue::from_static("TwilioProxy/1.1"))
            .header("x-twilio-signature", signature)
            .header("i-twilio-idempotency-token", token)
            .timeout(left.min(Duration::from_millis(target.overrides.read_ms)))
            .body(body)
            .send()
            .await;
        match sent {
            Ok(response) => {
                let status = response.status().as_u16();
                // Read to its end, so that the connection can be used again.
                match response.bytes().await {
                    Ok(_) => Tried::Answered(status),
                    Err(_) => Tried::NoAnswer,
                }
            }
            Err(error) if error.is_connect() => Tried::NoConnection,
            Err(_) => Tried::NoAnswer,
        }
    }

    fn client(&self, target: &Target) -> Option<reqwest::Client> {
        let key = (Reach::of_scheme(target.url.scheme()), target.overrides.connect_ms);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Some(client.clone());
        }
        let client = http_client::client_builder(key.0)
            .connect_timeout(Duration::from_millis(u64::from(key.1)))
            .pool_max_idle_per_host(self.idle_max)
            .build()
            .ok()?;
        clients.insert(key, client.clone());
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_overrides_and_is_neither_sent_nor_signed() {
        let target = Target::parse("https://h.example/cb?m=42#rc=5&rp=all&tt=900&ct=99&e=tokyo").unwrap();
        assert_eq!(target.url.as_str(), "https://h.example/cb?m=42");
        assert_eq!(target.signed, "https://h.example/cb?m=42");
        let all = Policy { client_error: true, server_error: true, connect: true, read: true };
        let expected = Overrides { retries: 5, policy: all, total_ms: 900, ..Overrides::default() };
        assert_eq!(target.overrides, expected);
    }

    #[test]
    fn by_default_only_a_lost_connection_is_tried_again() {
        let policy = Overrides::default().policy;
        assert!(policy.repeats_after(Tried::NoConnection));
        for tried in [Tried::NoAnswer, Tried::Answered(404), Tried::Answered(503), Tried::Answered(302)] {
            assert!(!policy.repeats_after(tried), "{tried:?}");
        }
    }

    #[test]
    fn a_url_without_a_usable_host_is_refused() {
        for bad in ["", "nonsense", "ftp://h/x", "https://a_b.example/x", "mailto:a@b"] {
            assert!(Target::parse(bad).is_none(), "{bad}");
        }
    }
}
