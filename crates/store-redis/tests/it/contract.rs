//! The contract, on a real server. In: a fresh prefix per case. Out: one test per case, and each once more with every
//! first answer lost, and with documents that are sealed. Never: another server than the shared one.

use conformance::Fresh;
use ports::{EventLedger, Store};
use store_redis::{RedisConfig, RedisStore};

use crate::setup;

async fn fresh(case: &'static str) -> Fresh<dyn Store> {
    Fresh { port: setup::store(case).await, guard: Box::new(()) }
}

conformance::store_contract!(fresh);

async fn fresh_ledger(case: &'static str) -> Fresh<dyn EventLedger> {
    Fresh { port: setup::store(case).await, guard: Box::new(()) }
}

conformance::ledger_contract!(fresh_ledger);

/// Every script runs twice, and the caller gets the second answer alone, which must equal the first. Documents are sealed.
mod with_lost_answers_and_a_key {
    use super::*;

    async fn fresh_with_lost_answers(case: &'static str) -> Fresh<dyn Store> {
        let config = setup::config(&test_servers::redis().url, case);
        let store = RedisStore::connect(RedisConfig {
            drops_answers: true,
            key_file: Some(setup::key_file()),
            ..config
        })
        .await
        .unwrap();
        Fresh { port: store, guard: Box::new(()) }
    }

    conformance::store_contract!(fresh_with_lost_answers);
}

/// Three primaries: every call finds its own.
mod on_a_cluster {
    use super::*;

    async fn fresh_on_a_cluster(case: &'static str) -> Fresh<dyn Store> {
        let config = setup::config(&test_servers::redis_cluster().url, case);
        Fresh { port: RedisStore::connect(config).await.unwrap(), guard: Box::new(()) }
    }

    conformance::store_contract!(fresh_on_a_cluster);
}

mod ledger_with_a_key {
    use super::*;

    async fn fresh_with_key(case: &'static str) -> Fresh<dyn EventLedger> {
        let config = setup::config(&test_servers::redis().url, case);
        let store = RedisStore::connect(RedisConfig { key_file: Some(setup::key_file()), ..config }).await;
        Fresh { port: store.unwrap(), guard: Box::new(()) }
    }

    conformance::ledger_contract!(fresh_with_key);
}
