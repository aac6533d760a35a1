//! Answers one delivery. In: ack, or retry at a time. Out: an acknowledgement; for a retry, after a delayed copy.
//!
//! Never: acknowledges before the copy is confirmed: a crash in between duplicates the work and loses none.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use ports::{Acker, BusError, Queue};

use crate::{claim::Claim, core::Core, message::Envelope, unacked::Counted};

/// [`Acker`] of a delivery from one of the port's queues.
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
            // Returning it would redeliver it at once, again and again, until it is a dead letter. While a task of ours
            // keeps it, it counts towards the prefetch, so a broker that takes no copies also delivers less and less.
            Err(error) => {
                tracing::warn!(queue = queue.name(), %error, "a delivery stays unacked until the broker takes its delayed copy");
                tokio::spawn(async move {
                    core.delay_until_taken(queue, envelope, claim).await;
                    drop(counted);
                });
            }
        }
        Ok(())
    }
}
