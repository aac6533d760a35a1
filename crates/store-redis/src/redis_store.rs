//! The store and its parts.
//!
//! In: connections, key names, scripts. Out: what the other modules implement the store's operations on.
//! Never: an operation that writes.

use std::sync::Arc;

use domain::{id::RunId, run::Run};
use ports::{Clock, StoreError, Versioned};

use crate::{connection::Connection, history::Generation, keys::Keys, script::Scripts, stored_run::read};

/// The store of a fleet, on one Redis server, its replicas' primary, or the primaries of a Redis Cluster.
pub struct RedisStore {
    pub(crate) connection: Connection,
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
    /// The time, for the reconcile window.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seen: Generation,
}

impl RedisStore {
    pub(crate) async fn stored_run(&self, id: &RunId) -> Result<Option<Versioned<Run>>, StoreError> {
        let stored: Option<Vec<u8>> =
            self.connection.command(redis::cmd("GET").arg(self.keys.run(id))).await?;
        stored.map(|stored| read(id.as_str(), &stored)).transpose()
    }
}
