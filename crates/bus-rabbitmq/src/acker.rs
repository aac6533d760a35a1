//! Answers one delivery. In: ack, retry at a time, or give back. Out: an acknowledgement; for a retry, after a delayed
//! copy; or a return to the queue.
//!
//! Never: acknowledges before the copy is confirmed: a crash in between duplicates the work and loses none.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use ports::{Acker, BusError, Queue};

use crate::{claim::Claim, core::Core, message::Envelope, topology::DELIVERY_LIMIT, unacked::Counted};

/// [`Acker`] of a delivery from one of the port's queues.
pub(crate) struct RabbitAcker {
    pub(crate) core: Arc<Core>,
    pub(crate) queue: Queue,
    pub(crate) claim: Claim,
    pub(crate) envelope: Envelope,
    pub(crate) counted: Counted,
    /// How often it was returned to its queue before, as the broker counts.
    pub(crate) returned: i64,
}

/// So often a delivery is given back to its place in the queue. Every return counts towards the delivery limit (from
/// RabbitMQ 4.3 on we count, where the broker does not), which is there for work that kills its workers; the rest of the limit is left to that.
const RETURNS_MAX: i64 = DELIVERY_LIMIT / 2;

#[async_trait]
impl Acker for RabbitAcker {
    async fn ack(self: Box<Self>) -> Result<bool, BusError> {
        Ok(self.claim.ack().await)
    }

    async fn retry_at(self: Box<Self>, at: Timestamp) -> Result<(), BusError> {
        let Self { core, queue, claim, envelope, counted, .. } = *self;
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

    async fn give_back(self: Box<Self>) -> Result<(), BusError> {
        if self.returned < RETURNS_MAX {
            // Dropped, it returns.
            return Ok(());
        }
        // A copy has the whole limit again, and waits at the end of the queue.
        let now = self.core.clock.now();
        self.retry_at(now).await
    }

    fn is_held(&self) -> bool {
        self.claim.is_usable()
    }
}
