//! Who may be connected. In: connections that come, and what each is doing. Out: a place for each, at most as many as
//! are allowed.
//!
//! Never: ends a connection whose request is being worked on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    state: Mutex<State>,
    first_request: Notify,
    evicted: CancellationToken,
    place: Option<OwnedSemaphorePermit>,
}

/// What a connection does.
#[derive(Default)]
struct State {
    made_a_request: bool,
    is_working: bool,
    /// Where it stands among those that wait; a new connection has bytes to be read.
    rank: Option<Rank>,
}

impl Connection {
    fn new(connections: Arc<Connections>, place: OwnedSemaphorePermit) -> Self {
        Self {
            connections,
            state: Mutex::default(),
            first_request: Notify::new(),
            evicted: CancellationToken::new(),
            place: Some(place),
        }
    }

    /// Nothing more comes for now, and there is no request, or not all of one.
    pub(crate) fn waits(&self) {
        let mut state = self.state();
        if state.is_working || state.rank.is_some() {
            return;
        }
        let mut waiting = self.connections.waiting();
        waiting.next += 1;
        let rank = (state.made_a_request, waiting.next);
        waiting.by_rank.insert(rank, self.evicted.clone());
        state.rank = Some(rank);
        drop(waiting);
        self.connections.changed.notify_one();
    }

    /// The headers of a request are there.
    pub(crate) fn has_headers(&self) {
        self.first_request.notify_one();
    }

    /// A request is there as a whole, and is worked on.
    pub(crate) fn works(&self) {
        let mut state = self.state();
        (state.made_a_request, state.is_working) = (true, true);
        if let Some(rank) = state.rank.take() {
            self.connections.waiting().by_rank.remove(&rank);
        }
    }

    /// The request has its answer.
    pub(crate) fn answered(&self) {
        self.state().is_working = false;
    }

    /// Whether a request is worked on.
    pub(crate) fn is_working(&self) -> bool {
        self.state().is_working
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.works();
        drop(self.place.take());
        self.connections.changed.notify_one();
    }
}
