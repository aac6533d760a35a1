//! Forwards delayed messages. In: how long a message must still wait. Out: the next hop, or, once due, its own queue.
//!
//! Never: delivers early, or acknowledges a hop before the next one is confirmed.

use std::sync::Arc;

use lapin::message::Delivery;
use ports::{BusError, Queue};

use crate::{
    acknowledgements::Acknowledgements,
    backoff::Backoff,
    claim::Claim,
    core::Core,
    delay::{DelayMode, HOLD_MS_MAX, Hop, next_hop, plugin_delay},
    message::{Envelope, Outgoing, envelope_of},
    publisher::Address,
};

impl Core {
    /// Publishes a message so that it reaches `queue` at its time.
    pub(crate) async fn delay(&self, queue: Queue, envelope: &Envelope) -> Result<(), BusError> {
        let left_ms = self.left_ms(envelope);
        let names = &self.topology_supervisor.topology.names;
        let name = queue.name();
        let through =
            |key: String| Address { exchange: names.delay(self.topology_supervisor.topology.delay), key };
        let (address, message) = match (self.topology_supervisor.topology.delay, next_hop(left_ms)) {
            (_, Hop::Arrive) => (Address::queue(names, queue), envelope.to_message()),
            (DelayMode::Plugin, _) => self.through_plugin(left_ms, name, envelope, through),
            (DelayMode::Buckets, Hop::Hold) => {
                let key = format!("step.{name}");
                (Address { exchange: names.commands(), key }, envelope.to_message())
            }
            (DelayMode::Buckets, Hop::Last(bucket_s)) => {
                (through(format!("d{bucket_s}.final.{name}")), envelope.to_message())
            }
            (DelayMode::Buckets, Hop::Step(bucket_s)) => {
                (through(format!("d{bucket_s}.step.{name}")), envelope.to_message())
            }
        };
        // If nobody finishes it, its dead letter is believed because of the user of this copy.
        self.publisher.publish(address, self.vouched(message)).await
    }

    fn through_plugin(
        &self,
        left_ms: i64,
        name: &str,
        envelope: &Envelope,
        through: impl FnOnce(String) -> Address,
    ) -> (Address, Outgoing) {
        let (delay_ms, is_last) = plugin_delay(left_ms);
        let next = if is_last { "final" } else { "step" };
        (through(format!("d.{next}.{name}")), envelope.to_message().delayed_by(delay_ms))
    }

    /// Repeats [`Core::delay`] until it succeeds and acknowledges the claim, or the claim is lost: then the broker
    /// redelivers the message.
    pub(crate) async fn delay_until_taken(&self, queue: Queue, envelope: Envelope, claim: Claim) {
        let mut backoff = Backoff::new(format!("{} delay", self.seed));
        while claim.is_usable() {
            match self.delay(queue, &envelope).await {
                Ok(()) => {
                    claim.ack().await;
                    return;
                }
                Err(_) => self.clock.sleep_until(self.clock.now() + backoff.next()).await,
            }
        }
    }

    /// Sends a message that came before its time on its way again. One that is almost due is waited for here.
    pub(crate) async fn forward(&self, queue: Queue, envelope: Envelope, claim: Claim) {
        if let Some(fire_at) = envelope.fire_at
            && (1..HOLD_MS_MAX).contains(&self.left_ms(&envelope))
        {
            self.clock.sleep_until(fire_at).await;
        }
        self.delay_until_taken(queue, envelope, claim).await;
    }
}

/// Forwards one delivery of the queue `delay.step`.
pub(crate) fn take_step(core: &Arc<Core>, mut delivery: Delivery, acknowledgements: &Arc<Acknowledgements>) {
    let destination = destination(delivery.routing_key.as_str());
    let envelope =
        envelope_of(&mut delivery, &core.topology_supervisor.topology.names, core.publisher_auth.as_ref());
    let claim = Claim::new(delivery.acker, delivery.delivery_tag, acknowledgements.clone());
    let core = core.clone();
    tokio::spawn(async move {
        match destination {
            Some(queue) => core.forward(queue, envelope, claim).await,
            None => {
                tracing::error!("a delayed message names no known queue and was dead-lettered by the broker");
                claim.reject().await;
            }
        }
    });
}

/// The queue that `d30.step.send.bulk` or `step.send.bulk` names.
fn destination(key: &str) -> Option<Queue> {
    let (before, name) = key.split_once("step.")?;
    (before.is_empty() || before.ends_with('.')).then_some(())?;
    Queue::ALL.into_iter().find(|queue| queue.name() == name)
}

#[cfg(test)]
mod tests {
    use domain::workflow::Lane;

    use super::*;

    #[test]
    fn a_key_names_the_queue_at_the_end_of_the_way() {
        for queue in Queue::ALL {
            assert_eq!(destination(&format!("d259200.step.{}", queue.name())), Some(queue));
            assert_eq!(destination(&format!("step.{}", queue.name())), Some(queue));
        }
        assert_eq!(destination("d1.step.events.standard"), Some(Queue::Events(Lane::Standard)));
        for key in ["", "step.", "d1.final.escalation", "d1.step.elsewhere", "xstep.escalation"] {
            assert_eq!(destination(key), None, "{key}");
        }
    }
}
