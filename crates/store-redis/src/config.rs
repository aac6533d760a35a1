//! What to connect to, and how. In: nothing. Out: plain values, with the defaults of everything that has one.
//!
//! Never: reads a file or the environment.

use std::{fmt, sync::Arc, time::Duration};

use ports::Clock;
use sealing::KeyFile;

/// The default prefix of every key.
pub const KEY_PREFIX: &str = "callout:";
/// How long an answer may take. The crate's own default is 500 ms, which a slow disk exceeds.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a server must promise before the store uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It says that it appends every write to a file and never evicts.
    #[default]
    Checked,
    /// The operator vouches for it: for managed servers that hide their settings. What they do show is still checked,
    /// and logged.
    Vouched,
}

/// What to connect to, and how.
#[derive(Clone)]
pub struct RedisConfig {
    /// For example `redis://:password@host:6379/0`, `rediss://` for TLS, `redis+unix:///path`, or
    /// `redis+sentinel://:password@one:26379,two:26379/name` (`rediss+sentinel://` for TLS to both). Never logged.
    pub url: String,
    /// The prefix of every key.
    pub key_prefix: String,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// What the server must promise.
    pub durability: Durability,
    /// The root certificates that are trusted instead of the machine's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// The certificate that is shown, and its private key, PEM.
    pub client_pem: Option<(Vec<u8>, Vec<u8>)>,
    /// The keys by which documents are sealed; without them documents are stored as they are.
    pub key_file: Option<KeyFile>,
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
            durability: Durability::Checked,
            ca_pem: None,
            client_pem: None,
            key_file: None,
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
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}
