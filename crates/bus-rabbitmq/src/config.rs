//! The configuration of a bus. In: values. Out: the same, with defaults and bounds. Never: shows the password.

use std::{collections::BTreeMap, time::Duration};

use domain::workflow::Lane;
use jiff::SignedDuration;
use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, AMQPUserInfo};

use crate::{delay::DelayMode, publisher_auth::PublisherAuth, topology::PREFIX};

/// Most publishes that wait for their confirmation at once: beyond some hundreds the broker gains nothing.
pub(crate) const CONFIRM_WINDOW: usize = 512;
/// How long a confirmation may take.
pub(crate) const CONFIRM_MAX: Duration = Duration::from_secs(15);
/// How long a connection attempt, or one request to the broker, may take.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(15);
/// How long the first word of a broker may take at the start.
pub(crate) const FIRST_ANSWER_MAX: Duration = Duration::from_secs(2);
// Whoever started the process still looks at the screen.
const _: () = assert!(FIRST_ANSWER_MAX.as_secs() <= 5);
/// Heartbeat in seconds, unless the address names another. RabbitMQ looks every so many seconds whether anything came,
/// and closes a connection on which nothing came between three looks; lapin sends twice as often. So a process that hangs
/// loses its deliveries to others after 11 to 21 s, and one that works would have to miss four of its heartbeats in a
/// row. Below 5 s healthy connections are closed now and then.
pub(crate) const HEARTBEAT_S: u16 = 7;
/// Largest frame in bytes, unless the address names another. lapin keeps 64 of them for each connection: with the 128 KiB
/// that brokers offer this would be 8 MB. A larger body takes several frames.
pub(crate) const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// Most deliveries of `delay.step` that one process forwards at once.
pub(crate) const FORWARD_PREFETCH: u16 = 1_024;

/// Who declares the exchanges and queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopologyMode {
    /// The bus does, at its start and when one is missing.
    #[default]
    Declare,
    /// An operator did, from [`crate::Topology::export`]; the bus only verifies that they exist.
    Verify,
}

/// The configuration of a bus.
#[derive(Clone)]
pub struct RabbitConfig {
    /// `amqp://` or `amqps://`, with user, password and virtual host.
    pub url: String,
    /// The lane of each event type that a workflow names.
    pub lanes: BTreeMap<String, Lane>,
    /// How messages are delayed.
    pub delay: DelayMode,
    /// Who declares the exchanges and queues.
    pub topology: TopologyMode,
    /// The prefix of all names. Two deployments on one virtual host need different ones.
    pub prefix: String,
    /// Root certificates that are trusted beside the machine's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// The certificate that is shown, and its private key, PEM.
    pub client_pem: Option<(Vec<u8>, Vec<u8>)>,
    /// How long a broker that is away is waited for at the start.
    pub patience: SignedDuration,
    /// The connection's name in the broker's tools, for example `callout-sender/host-7/1234`.
    pub connection_name: String,
    /// Most publishes that wait for their confirmation at once.
    pub confirm_window: usize,
    /// How long a confirmation may take.
    pub confirm_max: Duration,
    /// Which broker users may send which events. `None`: every user that may write to the exchange may send every event.
    pub publisher_auth: Option<PublisherAuth>,
    /// Whether ended runs are published to the exchange of outcomes.
    pub announces_ends: bool,
}

/// The parts of an AMQP address.
pub struct BrokerAddress {
    /// The host, without the port.
    pub host: String,
    /// Whether it is reached by TLS.
    pub is_tls: bool,
    /// Who signs in.
    pub user: String,
    /// With which password.
    pub password: String,
    /// The virtual host.
    pub virtual_host: String,
}

impl RabbitConfig {
    /// The parts of the address.
    ///
    /// # Errors
    /// When it is none.
    pub fn address(&self) -> Result<BrokerAddress, String> {
        let uri: AMQPUri = self.url.parse()?;
        let AMQPAuthority { userinfo, host, .. } = uri.authority;
        let AMQPUserInfo { username, password } = userinfo;
        let is_tls = uri.scheme == AMQPScheme::AMQPS;
        Ok(BrokerAddress { host, is_tls, user: username, password, virtual_host: uri.vhost })
    }

    /// The defaults of everything but the address and the lanes.
    pub fn new(url: impl Into<String>, lanes: BTreeMap<String, Lane>) -> Self {
        Self {
            url: url.into(),
            lanes,
            delay: DelayMode::default(),
            topology: TopologyMode::default(),
            prefix: PREFIX.to_owned(),
            ca_pem: None,
            client_pem: None,
            patience: SignedDuration::ZERO,
            connection_name: "callout".to_owned(),
            confirm_window: CONFIRM_WINDOW,
            confirm_max: CONFIRM_MAX,
            publisher_auth: None,
            announces_ends: false,
        }
    }
}

impl std::fmt::Debug for RabbitConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address holds a password.
        f.debug_struct("RabbitConfig")
            .field("connection_name", &self.connection_name)
            .field("prefix", &self.prefix)
            .field("delay", &self.delay)
            .field("topology", &self.topology)
            .finish_non_exhaustive()
    }
}
