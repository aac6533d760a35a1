//! What the simulated account looks like. In: values from a test or the command line. Out: [`SimConfig`].
//!
//! Never: reads the environment or a file.

use std::net::{Ipv4Addr, SocketAddr};

use twilio::Secret;
use url::Url;

use crate::{account::AccountState, fault::FaultPlan};

/// The account, its senders, and how it behaves.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// `AC…`.
    pub account_sid: String,
    /// Signs in, and signs webhooks.
    pub auth_token: Secret,
    /// Further pairs that sign in.
    pub api_keys: Vec<ApiKey>,
    /// The senders the account owns. `+15005550006` is always one, as with Twilio's test credentials.
    pub numbers: Vec<Number>,
    /// The messaging services.
    pub services: Vec<Service>,
    /// What the account says of itself.
    pub account: AccountState,
    /// What chance is drawn from.
    pub seed: u64,
    /// How long a text takes.
    pub timing: Timing,
    /// The faults to inject.
    pub faults: FaultPlan,
    /// Requests answered at once; more get 429.
    pub concurrency_max: usize,
    /// Webhooks posted at once.
    pub callbacks_max: usize,
    /// Messages kept in memory. Past this the one that finished first is forgotten.
    pub keep_max: usize,
}

/// A sender the account owns.
#[derive(Debug, Clone)]
pub struct Number {
    /// In E.164 form, a short code, or an alphanumeric sender.
    pub number: String,
    /// Where replies to it are posted, unless a messaging service decides.
    pub inbound_url: Option<Url>,
}

/// A messaging service.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// `MG…`.
    pub sid: String,
    /// Its pool, each one of the account's numbers.
    pub senders: Vec<String>,
    /// Where replies are posted. Without it they are dropped, as Twilio does.
    pub inbound_url: Option<Url>,
    /// Where statuses are posted when the message does not say.
    pub status_callback: Option<Url>,
    /// Replies go to the URL of the number instead.
    pub use_inbound_webhook_on_number: bool,
    /// Replies carry `OptOutType`.
    pub advanced_opt_out: bool,
}

/// A pair that signs in besides the account's own token.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// `SK…`.
    pub sid: String,
    /// Its secret.
    pub secret: Secret,
}

/// How long a text takes on its way. Zero is as fast as possible.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From `queued` to `sent`, in milliseconds.
    pub sent_ms: u64,
    /// From `sent` to its last status, in milliseconds.
    pub delivered_ms: u64,
    /// How long one second of a validity period takes, in milliseconds; tests make it short.
    pub validity_second_ms: u64,
}

impl Timing {
    /// Every step at once, for tests and benchmarks.
    pub const INSTANT: Self = Self { sent_ms: 0, delivered_ms: 0, validity_second_ms: 1_000 };
}

impl Default for Timing {
    /// Slow enough to watch.
    fn default() -> Self {
        Self { sent_ms: 300, delivered_ms: 700, validity_second_ms: 1_000 }
    }
}

impl Default for SimConfig {
    /// One number, a free port on this machine, and nothing that goes wrong.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            account_sid: "AC00000000000000000000000000000001".to_owned(),
            auth_token: Secret::from("simulated-auth-token"),
            api_keys: Vec::new(),
            numbers: vec![Number::from("+15005550006")],
            services: Vec::new(),
            account: AccountState::default(),
            seed: 0,
            timing: Timing::default(),
            faults: FaultPlan::default(),
            concurrency_max: 100,
            callbacks_max: 64,
            keep_max: 200_000,
        }
    }
}

impl From<&str> for Number {
    fn from(number: &str) -> Self {
        Self { number: number.to_owned(), inbound_url: None }
    }
}
