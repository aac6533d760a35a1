//! Real servers for tests, private to one test process.
//!
//! In: nothing but what the distribution's packages install. Out: addresses of servers that are ready.
//! Never: touches a server that the machine runs, skips a test because a package is missing, or outlives its process.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "for tests: a surprise is a failure")]

mod alertmanager;
mod ports;
mod private_ca;
mod process;
mod prometheus;
mod rabbitmq;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod supervisor;

pub use alertmanager::Alertmanager;
pub use ports::free_port;
pub use private_ca::PrivateCa;
pub use process::memory_mb;
pub use prometheus::{Prometheus, promtool};
pub use rabbitmq::{RabbitMq, rabbitmq};
pub use redis::{RedisServer, redis};
pub use redis_cluster::{RedisCluster, redis_cluster};
pub use redis_sentinel::RedisSentinel;
