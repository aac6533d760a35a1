//! Removes ended events from the list of accepted ones, in batches.
//!
//! In: keys of events whose deliveries were acknowledged. Out: the list without them.
//! Never: before the event has ended. An event that a dying process did not remove is published again, and found known.

use std::{sync::Arc, time::Duration};

use domain::event::EventKey;
use jiff::SignedDuration;
use ports::{Clock, EventLedger};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// How long ended events are collected for one batch.
const COLLECT_FOR: Duration = Duration::from_millis(200);
/// Most events of one batch.
const BATCH_MAX: usize = 4_000;

enum Message {
    Ended(EventKey),
    Flush(oneshot::Sender<()>),
}

/// Hands ended events to the task that removes them from the list.
#[derive(Clone)]
pub(crate) struct LedgerBatcher(mpsc::UnboundedSender<Message>);

impl LedgerBatcher {
    /// Starts the task, which ends with the last of the handles.
    pub(crate) fn start(ledger: Arc<dyn EventLedger>, clock: Arc<dyn Clock>) -> (Self, JoinHandle<()>) {
        // Bounded by the deliveries that are acknowledged within one batch.
        let (tx, rx) = mpsc::unbounded_channel();
        (Self(tx), tokio::spawn(run(ledger, clock, rx)))
    }

    /// An event has ended in the store.
    pub(crate) fn ended(&self, key: EventKey) {
        // The task is gone only when the process ends.
        drop(self.0.send(Message::Ended(key)));
    }

    /// Returns once every event that ended before is off the list.
    pub(crate) async fn flush(&self) {
        let (tx, rx) = oneshot::channel();
        if self.0.send(Message::Flush(tx)).is_ok() {
            drop(rx.await);
        }
    }
}

async fn run(
    ledger: Arc<dyn EventLedger>,
    clock: Arc<dyn Clock>,
    mut messages: mpsc::UnboundedReceiver<Message>,
) {
    let collect_for = SignedDuration::try_from(COLLECT_FOR).unwrap_or(SignedDuration::ZERO);
    let mut batch = Vec::new();
    while messages.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let is_flushed = |batch: &[Message]| batch.iter().any(|message| matches!(message, Message::Flush(_)));
        let until = clock.now() + collect_for;
        while batch.len() < BATCH_MAX && !is_flushed(&batch) {
            tokio::select! {
                () = clock.sleep_until(until) => break,
                more = messages.recv_many(&mut batch, BATCH_MAX) => if more == 0 { break },
            }
        }
        let (mut keys, mut flushes) = (Vec::new(), Vec::new());
        for message in batch.drain(..) {
            match message {
                Message::Ended(key) => keys.push(key),
                Message::Flush(done) => flushes.push(done),
            }
        }
        if let Err(error) = ledger.conclude(&keys).await {
            tracing::warn!(events = keys.len(), %error, "ended events stay on the list, and are published again");
        }
        flushes.into_iter().for_each(|done| _ = done.send(()));
    }
}
