//! [`ports::Bus`] on RabbitMQ 3.10 or newer.
//!
//! In: events, wake-ups and alarms. Out: deliveries, on streams that survive whatever the broker goes through.
//! Never: publishes with `mandatory` (lapin logs what is returned, body and all, and attributes it to the wrong publish),
//! relies on message priorities, or lets lapin recover by itself: every publisher and consumer is rebuilt by us.

mod acker;
mod backoff;
mod bus;
mod cloud_event;
mod config;
mod connect;
mod connection;
mod consumer;
mod dead_letters;
mod delay;
mod delay_forwarder;
mod message;
mod notify;
mod publisher;
mod publisher_auth;
pub mod topology;
mod topology_supervisor;
mod unacked;

pub use bus::RabbitBus;
pub use config::{DelayMode, RabbitConfig, TopologyMode};
pub use connect::ConnectError;
pub use delay::BUCKETS_S;
pub use publisher_auth::{Grant, PublisherAuth};
pub use topology::{Topology, TopologyError};
