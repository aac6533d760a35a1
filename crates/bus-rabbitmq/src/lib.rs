//! [`ports::Bus`] on RabbitMQ 3.10 or newer.
//!
//! In: events, wake-ups and alarms. Out: deliveries, on streams that survive whatever the broker goes through.
//! Never: publishes with `mandatory` (lapin logs what is returned, body and all, and attributes it to the wrong publish),
//! relies on message priorities, or lets lapin recover by itself: every publisher and consumer is rebuilt by us.

mod announce;
mod backoff;
mod bus;
mod cloud_event;
mod config;
mod connect;
mod consumer;
mod dead;
mod delay;
mod keeper;
mod line;
mod message;
mod publisher;
mod receipt;
mod relay;
pub mod topology;
mod trust;
mod unanswered;

pub use bus::RabbitBus;
pub use config::{DelayMode, RabbitConfig, TopologyMode};
pub use connect::ConnectError;
pub use delay::BUCKETS_S;
pub use topology::{Topology, TopologyError};
pub use trust::{Grant, TrustedUsers};
