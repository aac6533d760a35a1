//! What to connect to, and how. In: nothing. Out: plain values, with the defaults of everything that has one.
//!
//! Never: reads a file or the environment.

use std::{fmt, sync::Arc, time::Duration};

use domain::limits::DEDUPE_S;
use jiff::SignedDuration;
use ports::Clock;

/// What every key begins with when nothing else is said.
pub const KEY_PREFIX: &str = "callout:";
/// How long an answer may take. The crate's own default is 500 ms, which a slow disk exceeds.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a server must promise before it is trusted with the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It says that it appends every write to a file and never evicts.
    #[default]
    Checked,
    /// Somebody else vouches for it: for managed servers that hide their settings. What they do show is still looked
    /// at, and logged.
    Vouched,
}

/// What to connect to, and how.
#[derive(Clone)]
pub struct RedisConfig {
    /// For example `redis://:password@host:6379/0`, `rediss://` for TLS, or `redis+unix:///path`. Never logged.
    pub url: String,
    /// What every key begins with.
    pub key_prefix: String,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// How long closed runs are kept, in seconds, counted from their end: [`ports::Store::take_due`] forgets a few
    /// older ones each time, whether or not somebody calls [`ports::Store::forget`]. `None` leaves it to `forget`.
    pub retention_s: Option<u32>,
    /// What the server must promise.
    pub durability: Durability,
    /// The time, for the reconcile window.
    pub clock: Arc<dyn Clock>,
    /// For tests: the first answer of every script is dropped, as a connection that breaks would drop it.
    #[doc(hidden)]
    pub drops_answers: bool,
}

impl RedisConfig {
    /// A configuration with the defaults of everything else.
    pub fn new(url: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            url: url.into(),
            key_prefix: KEY_PREFIX.to_owned(),
            response_timeout: RESPONSE_TIMEOUT,
            retention_s: Some(DEDUPE_S),
            durability: Durability::Checked,
            clock,
            drops_answers: false,
        }
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("RedisConfig")
            .field("key_prefix", &self.key_prefix)
            .field("response_timeout", &self.response_timeout)
            .field("retention_s", &self.retention_s)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// What the store keeps of its configuration.
pub(crate) struct Settings {
    pub(crate) retention: Option<SignedDuration>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Settings {
    pub(crate) fn of(config: &RedisConfig) -> Self {
        let retention = config.retention_s.map(|seconds| SignedDuration::from_secs(i64::from(seconds)));
        Self { retention, clock: config.clock.clone() }
    }
}
