//! The fakes keep the contracts that the real backends keep, or what is simulated on them would prove nothing.

use std::sync::Arc;

use conformance::Fresh;
use domain::workflow::Lane;
use ports::{Bus, Store, SystemClock};
use simulation::{MemoryBus, MemoryStore};

mod store {
    use super::*;

    async fn fresh(_case: &'static str) -> Fresh<dyn Store> {
        Fresh { port: Arc::new(MemoryStore::default()), guard: Box::new(()) }
    }

    conformance::store_contract!(fresh);
}

mod bus {
    use super::*;

    fn lane_of(kind: &str) -> Lane {
        conformance::bus::lanes().get(kind).copied().unwrap_or_default()
    }

    async fn fresh(_case: &'static str) -> Fresh<dyn Bus> {
        Fresh { port: MemoryBus::new(Arc::new(SystemClock), lane_of), guard: Box::new(()) }
    }

    conformance::bus_contract!(fresh);
}
