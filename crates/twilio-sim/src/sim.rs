//! What every request and every lifecycle of one simulator shares.
//!
//! In: a configuration. Out: access to the state, counters, tasks. Never: an HTTP request, either way.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use twilio::Secret;

use crate::{clock, config::SimConfig, fault::FaultKind, state::State, webhook_client::Poster};

/// What every request and every lifecycle shares.
#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) config: SimConfig,
    pub(crate) webhook_client: Poster,
    /// Another token of the account that signs in.
    pub(crate) second_token: Mutex<Option<Secret>>,
    pub(crate) started: Timestamp,
    /// Requests of the API that are being answered.
    pub(crate) open: AtomicUsize,
    pub(crate) requests: AtomicU64,
    /// Notified after every change of the state.
    pub(crate) changed: watch::Sender<()>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    state: Mutex<State>,
}

impl Sim {
    pub(crate) fn new(config: SimConfig, address: SocketAddr) -> Self {
        let started = clock::now();
        let salt = format!("{} {} {address}", config.seed, started.as_nanosecond());
        Self {
            webhook_client: Poster::new(&config.auth_token, config.callbacks_max),
            second_token: Mutex::default(),
            state: Mutex::new(State::new(&config, salt)),
            config,
            started,
            open: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            changed: watch::Sender::new(()),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
        result
    }

    pub(crate) fn count(&self, kind: FaultKind) {
        self.change(|state| state.faults.count(kind));
    }

    /// Runs a task until it ends or the simulator stops.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }
}
