//! Reads that go past the writer: each sees everything that was committed when it began.
//!
//! In: closures over a read-only connection. Out: their results, from a blocking thread.
//! Never: writes, or holds a snapshot for longer than one call.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{fault::Fault, locked::locked, schema};

/// Most reads at once.
const READERS_MAX: usize = 4;

/// A few connections, opened when first needed.
#[derive(Clone)]
pub(crate) struct Readers {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path: Arc::new(path),
            idle: Arc::new(Mutex::new(Vec::new())),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Reads on a blocking thread.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, Fault>
    where
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
        T: Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Fault::ended())?;
        let (path, idle) = (self.path.clone(), self.idle.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let known = locked(&idle).pop();
            let connection = known.map_or_else(|| schema::open_reader(&path), Ok)?;
            let result = read(&connection);
            locked(&idle).push(connection);
            drop(permit);
            result
        });
        reading.await.map_err(|error| Fault::Down(format!("a read was interrupted: {error}")))?
    }

    /// Whether reads are answered.
    pub(crate) fn are_open(&self) -> bool {
        !self.permits.is_closed()
    }

    /// Closes the connections; reads after this are refused.
    pub(crate) fn close(&self) {
        self.permits.close();
        locked(&self.idle).clear();
    }
}
