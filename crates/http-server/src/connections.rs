//! Who may be connected. In: connections that come, and what each is doing. Out: a place for each, at most as many as
//! are allowed.
//!
//! Never: ends a connection whose request is being worked on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How often the log says that the cap is reached.
const WARNING_EVERY: Duration = Duration::from_mins(1);

/// The connections of one listener.
pub(crate) struct Connections {
    max: usize,
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    /// Told when a connection begins to wait or ends.
    changed: Notify,
}

/// Idle connections, those without any request first, then by idle time.
#[derive(Default)]
struct Waiting {
    next: u64,
    by_rank: BTreeMap<Rank, CancellationToken>,
    evicted: u64,
    warned_at: Option<Instant>,
}

/// Whether a request was made before, and when the waiting began.
type Rank = (bool, u64);

impl Connections {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(1);
        let places = Arc::new(Semaphore::new(max));
        Self { max, places, waiting: Mutex::default(), changed: Notify::new() }
    }

    /// A place for one more. At the cap it is taken from the connection that waits longest; where all are at work it
    /// is waited for.
    pub(crate) async fn admit(self: &Arc<Self>) -> Connection {
        loop {
            let changed = self.changed.notified();
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return Connection::new(self.clone(), place);
            }
            if self.evict_one()
                && let Ok(place) = self.places.clone().acquire_owned().await
            {
                return Connection::new(self.clone(), place);
            }
            changed.await;
        }
    }

    /// Tells one connection to end. `false` where all are at work.
    fn evict_one(&self) -> bool {
        let mut waiting = self.waiting();
        let Some((_, evicted)) = waiting.by_rank.pop_first() else { return false };
        evicted.cancel();
        telemetry::metrics().connections_evicted.inc();
        waiting.evicted += 1;
        if waiting.warned_at.is_none_or(|at| at.elapsed() >= WARNING_EVERY) {
            tracing::warn!(
                connections_max = self.max,
                closed = waiting.evicted,
                "the cap on HTTP connections is reached: those without a request are closed for new ones"
            );
            waiting.warned_at = Some(now());
            waiting.evicted = 0;
        }
        true
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a future returns, or `None` if it takes longer than `limit`.
#[expect(clippy::disallowed_methods, reason = "a client's time is the machine's, in a simulation too")]
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "how often a line is logged is nothing that a simulation looks at"
)]
fn now() -> Instant {
    Instant::now()
}

/// One connection, in its place until it is dropped.
pub(crate) struct Connection {
    connections: Arc<Connections>,
    /// Where it stands among those that wait; `None` while a request is worked on.
    rank: Mutex<Option<Rank>>,
    made_a_request: AtomicBool,
    first_request: Notify,
    evicted: CancellationToken,
    place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn new(connections: Arc<Connections>, place: OwnedSemaphorePermit) -> Self {
        let connection = Self {
            connections,
            rank: Mutex::default(),
            made_a_request: AtomicBool::new(false),
            first_request: Notify::new(),
            evicted: CancellationToken::new(),
            place: Some(place),
        };
        connection.waits();
        connection
    }

    /// It has no request, or not all of one.
    pub(crate) fn waits(&self) {
        let mut rank = self.rank();
        let mut waiting = self.connections.waiting();
        if let Some(rank) = rank.take() {
            waiting.by_rank.remove(&rank);
        }
        waiting.next += 1;
        let new = (self.made_a_request.load(Ordering::Relaxed), waiting.next);
        waiting.by_rank.insert(new, self.evicted.clone());
        *rank = Some(new);
        drop(waiting);
        self.connections.changed.notify_one();
    }

    /// The headers of a request are there.
    pub(crate) fn has_headers(&self) {
        self.first_request.notify_one();
    }

    /// A request is there as a whole, and is worked on.
    pub(crate) fn works(&self) {
        self.made_a_request.store(true, Ordering::Relaxed);
        if let Some(rank) = self.rank().take() {
            self.connections.waiting().by_rank.remove(&rank);
        }
    }

    /// Returns if no request's headers are there after `limit`.
    pub(crate) async fn stays_silent(&self, limit: Duration) {
        if within(limit, self.first_request.notified()).await.is_some() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns if another connection gets this one's place.
    pub(crate) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    fn rank(&self) -> MutexGuard<'_, Option<Rank>> {
        self.rank.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.works();
        drop(self.place.take());
        self.connections.changed.notify_one();
    }
}
