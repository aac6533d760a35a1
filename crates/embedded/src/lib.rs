//! Both ports on one SQLite file, for a single process: no server to install or run.
//!
//! In: a path on a local disk. Out: a [`Store`] and a [`Bus`] that keep their contracts through `kill -9`.
//! Never: shares its file with another process: a lock refuses the second one, which allows runs to be
//! cached, and wake-ups, timers and timer slots to be kept in memory.
//!
//! All writes go through one thread that commits whatever waits as one transaction, each with an fsync.

mod api;
mod approvals;
mod audit_counts;
mod backup;
mod bloom_filter;
mod bus;
mod calendars;
mod change;
mod checkpoint;
mod consent;
mod database_file;
mod dependency;
mod document;
mod due;
mod effect_row;
mod effects;
mod fault;
mod groups;
mod keys;
mod lock;
mod locked;
mod open_error;
mod outbound;
mod preflight;
mod purge;
mod rate_limits;
mod read;
mod readers;
mod receipts;
mod resolve;
mod run_cache;
mod run_row;
mod schema;
mod seal_stored;
mod sealed_to;
mod sending;
mod silences;
mod state;
mod status;
mod store;
mod timer_slots;
mod writer;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use domain::workflow::Lane;
use ports::{Bus, Clock, Dependency, Store};
use sealing::KeyFile;

pub use crate::{
    backup::{Backup, BackupError, back_up},
    lock::real_path,
    open_error::OpenError,
};
use crate::{
    bloom_filter::BloomFilter,
    bus::{Core, EmbeddedBus},
    checkpoint::Checkpointer,
    database_file::DatabaseFile,
    lock::LockFile,
    rate_limits::RateLimits,
    readers::Readers,
    run_cache::RunCache,
    state::State,
    store::EmbeddedStore,
    timer_slots::TimerSlots,
    writer::Writer,
};

/// Runs kept in memory when nothing else is said: about 3 KB each.
const RUNS_CACHED: usize = 16_384;
/// Most timers started for due rows when the database is opened; the sweep finds what is due after those.
const START_TIMERS_MAX: u32 = 100_000;

/// What to open, and how.
#[derive(Clone)]
pub struct EmbeddedConfig {
    /// The database, on a local disk. Its directory must exist.
    pub path: PathBuf,
    /// The lane of each event type that has one; all others wait in the standard lane.
    pub lanes: BTreeMap<String, Lane>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// A quota: most pages of 4 KiB that the database may have. What does not fit is refused as full.
    pub max_pages: Option<u32>,
    /// Most runs kept in memory.
    pub runs_cached: usize,
    /// The keys by which documents are sealed; without them documents are stored as they are.
    pub key_file: Option<KeyFile>,
}

impl EmbeddedConfig {
    /// A configuration with the defaults of everything else.
    pub fn new(path: PathBuf, lanes: BTreeMap<String, Lane>, clock: Arc<dyn Clock>) -> Self {
        Self { path, lanes, clock, max_pages: None, runs_cached: RUNS_CACHED, key_file: None }
    }
}

/// The open database. Its ports answer until it is closed or dropped.
pub struct Embedded {
    store: Arc<EmbeddedStore>,
    bus: Arc<Core>,
    readers: Readers,
    writer: Option<Writer>,
}

impl Embedded {
    /// Opens the database, or creates it. Blocks while it does, and must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Says what is wrong with the file, or who else has it open. Nothing is changed then.
    pub fn open(config: EmbeddedConfig) -> Result<Self, OpenError> {
        tokio::runtime::Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        let EmbeddedConfig { path, lanes, clock, max_pages, runs_cached, key_file } = config;
        let path = lock::real_path(&path)?;
        let lock = LockFile::take(&path)?;
        let io = |source| OpenError::io(&path, source);
        let connection = schema::open_writer(&path, max_pages)?;
        let file = DatabaseFile::of(&path).map_err(io)?;
        let sealer = keys::unlock(&connection, &path, key_file.as_ref())?;
        let state = State {
            runs: RunCache::new(runs_cached),
            marks: TimerSlots::default(),
            known_numbers: BloomFilter::new(),
            known_runs: BloomFilter::new(),
            rate_limits: RateLimits::default(),
            sealer: sealer.clone(),
            sealed_to: Mutex::default(),
        };
        let sqlite = |source| OpenError::Sqlite { path: path.clone(), source };
        consent::load_known(&connection, &state.known_numbers).map_err(sqlite)?;
        read::load_known(&connection, &state.known_runs).map_err(sqlite)?;
        let data_loss_since = backup::data_loss_since(&connection, clock.now()).map_err(sqlite)?;
        let waiting = bus::count_waiting(&connection).map_err(sqlite)?;
        let due = due::slots(&connection, START_TIMERS_MAX).map_err(sqlite)?;
        let checkpointer = Checkpointer::new(&path, max_pages);
        let writer = Writer::start(connection, checkpointer, file, lock).map_err(io)?;
        let readers = Readers::new(path);
        let bus = Core::start(writer.handle(), readers.clone(), sealer, clock.clone(), lanes, &waiting);
        bus.start_timers(due.into_iter());
        let store = EmbeddedStore {
            writer: writer.handle(),
            readers: readers.clone(),
            state: Arc::new(state),
            data_loss_since,
            clock,
        };
        Ok(Self { store: Arc::new(store), bus, readers, writer: Some(writer) })
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Whether it can be written to.
    pub fn dependency(&self) -> Arc<dyn Dependency> {
        self.store.clone()
    }

    /// The bus.
    pub fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(EmbeddedBus(self.bus.clone()))
    }

    /// Finishes what was given to the writer, copies the log back and releases the lock.
    pub async fn close(self) {
        // Dropping waits for the writer, so it happens on a blocking thread.
        if tokio::task::spawn_blocking(move || drop(self)).await.is_err() {
            tracing::error!("closing the embedded backend was interrupted");
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.bus.close();
        self.readers.close();
        self.writer = None;
    }
}
