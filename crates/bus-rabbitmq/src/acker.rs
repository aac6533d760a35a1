//! The answer to one delivery. In: done, or later. Out: an acknowledgement, after a fresh copy where it comes later.
//!
//! Never: acknowledges before the copy is confirmed (a crash in between doubles the work and loses none), or leaves a
//! delivery that nobody answers: dropped, it is returned.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::Timestamp;
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions},
};
use ports::{Acker, BusError, Queue};

use crate::{bus::Core, message::Envelope, unacked::Counted};

/// A delivery of ours. Keeps its channel open, for the broker takes no answer on another.
pub(crate) struct Claim {
    acker: Option<lapin::Acker>,
    _channel: Channel,
}

impl Claim {
    pub(crate) fn new(acker: lapin::Acker, channel: Channel) -> Self {
        Self { acker: Some(acker), _channel: channel }
    }

    /// It is done. `false`: the channel is gone, and the broker hands it out again.
    pub(crate) async fn ack(mut self) -> bool {
        let Some(acker) = self.acker.take() else { return false };
        acker.ack(BasicAckOptions::default()).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "an acknowledgement was lost with its channel");
            false
        })
    }

    /// It goes to the dead letters of the broker.
    pub(crate) async fn reject(mut self) {
        if let Some(acker) = self.acker.take() {
            drop(acker.reject(BasicRejectOptions { requeue: false }).await);
        }
    }

    /// Whether an answer would still be taken.
    pub(crate) fn needs_review(&self) -> bool {
        self.acker.as_ref().is_some_and(lapin::Acker::usable)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(acker) = self.acker.take() {
            // The first poll hands it to the connection's own task; nobody needs to wait for it to be written.
            let options = BasicNackOptions { requeue: true, ..Default::default() };
            drop(acker.nack(options).now_or_never());
        }
    }
}

/// The answer to a delivery of a queue of the port.
pub(crate) struct RabbitAcker {
    pub(crate) core: Arc<Core>,
    pub(crate) queue: Queue,
    pub(crate) claim: Claim,
    pub(crate) envelope: Envelope,
    pub(crate) counted: Counted,
}

#[async_trait]
impl Acker for RabbitAcker {
    async fn ack(self: Box<Self>) -> Result<bool, BusError> {
        Ok(self.claim.ack().await)
    }

    async fn retry_at(self: Box<Self>, at: Timestamp) -> Result<(), BusError> {
        let Self { core, queue, claim, envelope, counted } = *self;
        let envelope = envelope.again_at(at);
        match core.delay(queue, &envelope).await {
            Ok(()) => {
                claim.ack().await;
            }
            // Returning it would bring it back at once, again and again, until it is a dead letter. While a task of ours
            // keeps it, its place is taken, and so a bus that takes no copies hands out less and less.
            Err(error) => {
                tracing::warn!(queue = queue.name(), %error, "work is kept until the broker takes its copy");
                tokio::spawn(async move {
                    core.delay_until_taken(queue, envelope, claim).await;
                    drop(counted);
                });
            }
        }
        Ok(())
    }
}
