//! Who may be connected. In: connections that come, and what each is doing. Out: a place for each, at most as many as
//! are allowed.
//!
//! Never: ends a connection whose request is being worked on.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hyper::body::Incoming;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::peer::Peer;

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

/// Idle connections.
#[derive(Default)]
struct Waiting {
    next: u64,
    by_owner: HashMap<Owner, BTreeMap<u64, CancellationToken>>,
    /// Connections of which it is not known yet whether a request comes.
    unseen: usize,
    evicted: u64,
    warned_at: Option<Instant>,
}

/// Whether a request was made on a connection before, and whose it is.
type Owner = (bool, Peer);

impl Waiting {
    /// A number of its own for a connection that becomes idle; lower numbers are idle for longer.
    fn add(&mut self, owner: Owner, connection: CancellationToken) -> u64 {
        self.next += 1;
        self.by_owner.entry(owner).or_default().insert(self.next, connection);
        self.next
    }

    fn remove(&mut self, owner: Owner, number: u64) {
        let Some(idle) = self.by_owner.get_mut(&owner) else { return };
        idle.remove(&number);
        if idle.is_empty() {
            self.by_owner.remove(&owner);
        }
    }

    /// Of the connections without any request, or else of the others: the client with the most, and the one of its
    /// connections that is idle for longest. A client with thousands does not displace one with a few. None while all that
    /// is idle made a request, and there are others that may turn out never to: they are looked at first.
    fn pop(&mut self) -> Option<CancellationToken> {
        let first = |((made_a_request, peer), idle): (&Owner, &BTreeMap<u64, CancellationToken>)| {
            let (number, connection) = idle.first_key_value()?;
            let rank = (!made_a_request, idle.len(), Reverse(*number));
            Some((rank, (*made_a_request, *peer), connection.clone()))
        };
        let ((_, _, Reverse(number)), owner, connection) =
            self.by_owner.iter().filter_map(first).max_by_key(|(rank, ..)| *rank)?;
        let (made_a_request, _) = owner;
        if made_a_request && self.unseen > 0 {
            return None;
        }
        self.remove(owner, number);
        Some(connection)
    }
}

impl Connections {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(1);
        let places = Arc::new(Semaphore::new(max));
        Self { max, places, waiting: Mutex::default(), changed: Notify::new() }
    }

    /// A place for one more. At the cap it is taken from an idle connection; where all are at work it is waited for.
    pub(crate) async fn admit(self: &Arc<Self>, peer: Peer) -> Connection {
        loop {
            let changed = self.changed.notified();
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return Connection::new(self.clone(), peer, place);
            }
            if self.evict_one()
                && let Ok(place) = self.places.clone().acquire_owned().await
            {
                return Connection::new(self.clone(), peer, place);
            }
            changed.await;
        }
    }

    /// Tells one connection to end. `false` where all are at work.
    fn evict_one(&self) -> bool {
        let mut waiting = self.waiting();
        let Some(evicted) = waiting.pop() else { return false };
        evicted.cancel();
        telemetry::metrics().intake.connections_evicted.inc();
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
    peer: Peer,
    state: Mutex<State>,
    first_request: Notify,
    evicted: CancellationToken,
    place: Option<OwnedSemaphorePermit>,
}

/// What a connection does.
#[derive(Default)]
struct State {
    is_seen: bool,
    made_a_request: bool,
    is_working: bool,
    /// Its number among those that wait; a new connection has bytes to be read.
    number: Option<u64>,
    /// A request has no answer yet.
    is_asked: bool,
    /// What a handler did not read of that request's body.
    unread: Option<Incoming>,
}

impl Connection {
    fn new(connections: Arc<Connections>, peer: Peer, place: OwnedSemaphorePermit) -> Self {
        connections.waiting().unseen += 1;
        Self {
            connections,
            peer,
            state: Mutex::default(),
            first_request: Notify::new(),
            evicted: CancellationToken::new(),
            place: Some(place),
        }
    }

    /// What it does is known now.
    fn see(&self, state: &mut State) {
        if !std::mem::replace(&mut state.is_seen, true) {
            self.connections.waiting().unseen -= 1;
            self.connections.changed.notify_one();
        }
    }

    /// Nothing more comes for now, and there is no request, or not all of one.
    pub(crate) fn waits(&self) {
        let mut state = self.state();
        self.see(&mut state);
        if state.is_working || state.number.is_some() {
            return;
        }
        let owner = (state.made_a_request, self.peer);
        state.number = Some(self.connections.waiting().add(owner, self.evicted.clone()));
        self.connections.changed.notify_one();
    }

    /// The headers of a request are there.
    pub(crate) fn has_headers(&self) {
        self.state().is_asked = true;
        self.first_request.notify_one();
    }

    /// A request is there as a whole, and is worked on.
    pub(crate) fn works(&self) {
        let mut state = self.state();
        self.see(&mut state);
        if let Some(number) = state.number.take() {
            self.connections.waiting().remove((state.made_a_request, self.peer), number);
        }
        (state.made_a_request, state.is_working) = (true, true);
    }

    /// The request has its answer.
    pub(crate) fn answered(&self) {
        let mut state = self.state();
        (state.is_working, state.is_asked, state.unread) = (false, false, None);
    }

    /// Keeps what a handler did not read of the request's body, while there is no answer. After it nobody takes it.
    pub(crate) fn leave_unread(&self, body: Incoming) {
        let mut state = self.state();
        state.unread = state.is_asked.then_some(body);
    }

    /// What was kept.
    pub(crate) fn take_unread(&self) -> Option<Incoming> {
        self.state().unread.take()
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
