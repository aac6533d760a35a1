//! Takes events off the list of accepted ones, many at once and a moment after they ended.
//!
//! In: names of events whose deliveries were answered. Out: the list without them.
//! Never: before the event has ended. What a process did not live to take off is published again, and found to be known.

use std::{sync::Arc, time::Duration};

use domain::event::EventKey;
use jiff::SignedDuration;
use ports::Clock;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::store::RedisStore;

/// How long ends are gathered.
const GATHERED: Duration = Duration::from_millis(200);
/// Most that are taken off at once.
const BATCH_MAX: usize = 4_000;

enum Said {
    Ended(EventKey),
    Flush(oneshot::Sender<()>),
}

/// Gives events to whoever takes them off the list.
#[derive(Clone)]
pub(crate) struct LedgerBatcher(mpsc::UnboundedSender<Said>);

impl LedgerBatcher {
    /// Starts the task, which ends with the last of the handles.
    pub(crate) fn start(store: Arc<RedisStore>, clock: Arc<dyn Clock>) -> (Self, JoinHandle<()>) {
        // What is in it has been answered: no more than one gathering's worth.
        let (tx, rx) = mpsc::unbounded_channel();
        (Self(tx), tokio::spawn(run(store, clock, rx)))
    }

    /// An event has ended in the store.
    pub(crate) fn ended(&self, key: EventKey) {
        // The task is gone only when the process ends.
        drop(self.0.send(Said::Ended(key)));
    }

    /// Returns once everything that was said before is off the list.
    pub(crate) async fn flush(&self) {
        let (tx, rx) = oneshot::channel();
        if self.0.send(Said::Flush(tx)).is_ok() {
            drop(rx.await);
        }
    }
}

async fn run(store: Arc<RedisStore>, clock: Arc<dyn Clock>, mut said: mpsc::UnboundedReceiver<Said>) {
    let gathered = SignedDuration::try_from(GATHERED).unwrap_or(SignedDuration::ZERO);
    let mut batch = Vec::new();
    while said.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let is_flushed = |batch: &[Said]| batch.iter().any(|said| matches!(said, Said::Flush(_)));
        let until = clock.now() + gathered;
        while batch.len() < BATCH_MAX && !is_flushed(&batch) {
            tokio::select! {
                () = clock.sleep_until(until) => break,
                more = said.recv_many(&mut batch, BATCH_MAX) => if more == 0 { break },
            }
        }
        let (mut keys, mut flushes) = (Vec::new(), Vec::new());
        for said in batch.drain(..) {
            match said {
                Said::Ended(key) => keys.push(key),
                Said::Flush(done) => flushes.push(done),
            }
        }
        if let Err(error) = store.conclude(&keys).await {
            tracing::warn!(events = keys.len(), %error, "ended events stay on the list, and are published again");
        }
        flushes.into_iter().for_each(|done| _ = done.send(()));
    }
}
