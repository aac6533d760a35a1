//! The whole fleet under one seed: real roles and real decisions on fake ports, a fake clock and a fake provider.
//!
//! In: a seed. Out: a log that is the same for the same seed, and what must hold at the end of it.
//! Never: opens a socket or a file, or waits for the machine's clock.

mod bus;
mod store;

pub use bus::{LaneOf, MemoryBus};
pub use store::MemoryStore;
