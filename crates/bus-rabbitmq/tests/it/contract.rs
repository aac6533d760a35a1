//! The contract of every bus.

use conformance::Fresh;
use ports::Bus;
use test_servers::rabbitmq;

use crate::setup::{bus, config};

async fn fresh(case: &'static str) -> Fresh<dyn Bus> {
    let (bus, _) = bus(config(rabbitmq(), case)).await;
    Fresh { port: bus, guard: Box::new(()) }
}

conformance::bus_contract!(fresh);
