//! What a bus is made with. In: values from the configuration. Out: the same, with bounds. Never: shows the password.

use std::{collections::BTreeMap, time::Duration};

use domain::workflow::Lane;

use crate::{publisher_auth::PublisherAuth, topology::PREFIX};

/// Most publishes that wait for their confirmation at once: beyond some hundreds the broker gains nothing.
pub(crate) const CONFIRM_WINDOW: usize = 512;
/// How long a confirmation may take.
pub(crate) const CONFIRM_MAX: Duration = Duration::from_secs(15);
/// How long a connection, or one question to the broker, may take.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Heartbeat in seconds, unless the address names another. Below 5 s there are false alarms.
pub(crate) const HEARTBEAT_S: u16 = 10;
/// Largest frame in bytes, unless the address names another. lapin keeps 64 of them for each connection: with the 128 KiB
/// that brokers offer that is 8 MB, which nobody needs. A larger body takes several frames.
pub(crate) const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// How many deliveries may be relayed at once on their way through the delay queues.
pub(crate) const RELAY_PREFETCH: u16 = 1_024;

/// How work is delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DelayMode {
    /// Queues with a fixed time to live; on every broker from 3.10 on.
    #[default]
    Buckets,
    /// The `rabbitmq_delayed_message_exchange` plugin, where somebody runs it already: not replicated, and archived.
    Plugin,
}

/// Who makes the exchanges and queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopologyMode {
    /// We do, at the start and whenever they are gone.
    #[default]
    Declare,
    /// An operator did, from [`crate::Topology::export`]; we only check that they are there.
    Verify,
}

/// What a bus is made with.
#[derive(Clone)]
pub struct RabbitConfig {
    /// `amqp://` or `amqps://`, with user, password and virtual host.
    pub url: String,
    /// The lane of each event type that a workflow names.
    pub lanes: BTreeMap<String, Lane>,
    /// How work is delayed.
    pub delay: DelayMode,
    /// Who makes the exchanges and queues.
    pub topology: TopologyMode,
    /// What all names begin with. Two installations on one virtual host need different ones.
    pub prefix: String,
    /// What the broker's operators see, for example `callout-sender/host-7/1234`.
    pub connection_name: String,
    /// Most publishes that wait for their confirmation at once.
    pub confirm_window: usize,
    /// How long a confirmation may take.
    pub confirm_max: Duration,
    /// Which broker users may send which events. `None`: whoever may write to the exchange may send anything.
    pub trust: Option<PublisherAuth>,
    /// Whether ends of runs are published to the exchange of outcomes, for whoever binds a queue there.
    pub announces_ends: bool,
}

impl RabbitConfig {
    /// The defaults of everything but the address and the lanes.
    pub fn new(url: impl Into<String>, lanes: BTreeMap<String, Lane>) -> Self {
        Self {
            url: url.into(),
            lanes,
            delay: DelayMode::default(),
            topology: TopologyMode::default(),
            prefix: PREFIX.to_owned(),
            connection_name: "callout".to_owned(),
            confirm_window: CONFIRM_WINDOW,
            confirm_max: CONFIRM_MAX,
            trust: None,
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
