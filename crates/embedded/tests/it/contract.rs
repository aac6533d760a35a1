//! Every case of both contracts.

use conformance::Fresh;
use ports::{Bus, Store};

async fn fresh_store(_case: &'static str) -> Fresh<dyn Store> {
    let (embedded, directory) = crate::setup::fresh();
    Fresh { port: embedded.store(), guard: Box::new((embedded, directory)) }
}

async fn fresh_bus(_case: &'static str) -> Fresh<dyn Bus> {
    let (embedded, directory) = crate::setup::fresh();
    Fresh { port: embedded.bus(), guard: Box::new((embedded, directory)) }
}

conformance::store_contract!(fresh_store);
conformance::bus_contract!(fresh_bus);

/// The same with documents that are sealed.
mod with_a_key {
    use super::*;

    async fn fresh_store(_case: &'static str) -> Fresh<dyn Store> {
        let (embedded, directory) = crate::setup::fresh_with_key();
        Fresh { port: embedded.store(), guard: Box::new((embedded, directory)) }
    }

    async fn fresh_bus(_case: &'static str) -> Fresh<dyn Bus> {
        let (embedded, directory) = crate::setup::fresh_with_key();
        Fresh { port: embedded.bus(), guard: Box::new((embedded, directory)) }
    }

    conformance::store_contract!(fresh_store);
    conformance::bus_contract!(fresh_bus);
}
