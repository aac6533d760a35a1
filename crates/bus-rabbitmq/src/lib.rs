//! [`ports::Bus`] on RabbitMQ 3.10 or newer.
//!
//! In: events, wake-ups and timers. Out: deliveries, on streams that survive outages of the broker.
//! Never: publishes with `mandatory` (lapin logs what is returned, body and all, and attributes it to the wrong publish),
//! relies on message priorities, or uses lapin's own recovery: this crate rebuilds every publisher and consumer itself.

mod acker;
mod acknowledgements;
mod backoff;
mod bus;
mod claim;
mod cloud_event;
mod config;
mod connect;
mod connection;
mod consumer;
mod core;
mod dead_letters;
mod delay;
mod delay_forwarder;
mod dependency;
mod headers;
mod message;
mod notify;
mod origin;
mod publisher;
mod publisher_auth;
pub mod topology;
mod topology_supervisor;
mod unacked;

pub use bus::RabbitBus;
pub use config::{BrokerAddress, RabbitConfig, TopologyMode};
pub use connect::ConnectError;
pub use delay::{BUCKETS_S, DelayMode};
pub use publisher_auth::{Grant, PublisherAuth};
pub use topology::{Definitions, Difference, Look, Topology, TopologyError};

/// Looks at exchanges and queues as far as AMQP shows them to this user, and changes nothing.
///
/// # Errors
/// When the broker cannot be reached, or does not let the user in.
pub async fn look(config: &RabbitConfig) -> Result<Look, ConnectError> {
    let topology = Topology::with_prefix(&config.prefix, &config.lanes, config.delay)?;
    let dialer = connect::Dialer::new(config)?;
    dialer.check_version().await?;
    let looked = async { topology.look(&dialer.dial("look").await?).await };
    looked.await.map_err(|error| dialer.explain(&error))
}
