//! Ports for servers that tests start. In: nothing. Out: ports, each to one server of this process alone.
//!
//! Never: one that the system gives to outgoing connections, which would take it before the server does.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range that Linux takes for connections.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// A free port of 127.0.0.1 that this process gives out only once.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes begin far from one another.
    let start = (std::process::id().wrapping_mul(7_919) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("all ports from {FIRST} on are taken");
}
