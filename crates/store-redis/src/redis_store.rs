//! The store and its parts.
//!
//! In: connections, key names, scripts. Out: what the other modules implement the store's operations on.
//! Never: an operation that writes.

use std::sync::{Arc, Mutex};

use domain::{id::RunId, phone::E164, run::Run};
use ports::{Clock, StoreError, Versioned};
use sealing::{KeyFile, Kind, Lookup, Sealer};

use crate::{
    connection::Connection, documents::Sealed, history::Generation, keys::Keys, script::Scripts,
    sealed_to::SealedTo, stored_run::read, write_groups::WriteGroups,
};

/// The store of a fleet, on one Redis server, its replicas' primary, or the primaries of a Redis Cluster.
pub struct RedisStore {
    pub(crate) connection: Arc<Connection>,
    pub(crate) keys: Keys,
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) writes: Arc<WriteGroups>,
    /// The time, for the reconcile window.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seen: Generation,
    pub(crate) key_file: Option<KeyFile>,
    pub(crate) sealer: Sealer,
    /// How far what was stored before is sealed.
    pub(crate) sealed_to: Mutex<SealedTo>,
}

impl RedisStore {
    /// What seals documents of a kind.
    pub(crate) fn sealed(&self, kind: Kind) -> Sealed<'_> {
        Sealed::new(&self.sealer, kind)
    }

    /// What a number is looked up by, and what it may have been stored under before; one where that cannot be.
    pub(crate) fn numbers(&self, number: &E164) -> Vec<String> {
        let [index, former] = self.sealer.forms(Lookup::Number, number.as_str());
        if index == former { vec![index] } else { vec![index, former] }
    }

    pub(crate) async fn stored_run(&self, id: &RunId) -> Result<Option<Versioned<Arc<Run>>>, StoreError> {
        let stored: Option<Vec<u8>> =
            self.connection.command(redis::cmd("GET").arg(self.keys.run(id))).await?;
        stored.map(|stored| read(&self.sealer, id.as_str(), &stored)).transpose()
    }
}
