//! The broker's dead letters. In: their queue. Out: each dead letter, and an acker that removes it.
//!
//! Never: requeues messages one by one: what is not removed returns to its place when the channel closes. Browsing by
//! requeueing would use up the delivery limit.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    cloud_event::identity,
    event::Event,
    id::digest,
    timeline::{Command, DeadLetter},
};
use jiff::Timestamp;
use lapin::{
    Channel,
    message::Delivery as AmqpDelivery,
    options::{BasicAckOptions, BasicGetOptions},
};
use ports::{Acker, BrokerDeadLetter, BusError, Dead};

use crate::{
    connect::within,
    core::Core,
    message::{DEAD_LETTER, LETTER, envelope_of, text},
    topology::DELIVERY_LIMIT,
};

/// A channel that closes when the last dead letter that was read through it is dropped.
struct Browsing(Channel);

impl Drop for Browsing {
    fn drop(&mut self) {
        let channel = self.0.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(channel.close(200, "browsed".into()).await) });
        }
    }
}

struct BrowsedAcker {
    acker: lapin::Acker,
    _browsing: Arc<Browsing>,
}

#[async_trait]
impl Acker for BrowsedAcker {
    async fn ack(self: Box<Self>) -> Result<bool, BusError> {
        self.acker.ack(BasicAckOptions::default()).await.map_err(|error| unavailable(&error))
    }

    async fn retry_at(self: Box<Self>, _at: Timestamp) -> Result<(), BusError> {
        // Dropped, it returns to the queue of dead letters.
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), BusError> {
        Ok(())
    }

    fn is_held(&self) -> bool {
        self.acker.usable()
    }
}

impl Core {
    pub(crate) async fn browse_dead(&self, max: u16) -> Result<Vec<BrokerDeadLetter>, BusError> {
        let channel = self.consume_connection.channel().await.map_err(|error| unavailable(&error))?;
        let browsing = Arc::new(Browsing(channel));
        let queue = self.topology_supervisor.topology.names.dead();
        let mut found = Vec::new();
        while found.len() < usize::from(max) {
            let got = within(browsing.0.basic_get(queue.as_str().into(), BasicGetOptions { no_ack: false }));
            let Some(message) = got.await.map_err(|error| unavailable(&error))? else { break };
            let (what, acker) = self.what(message.delivery);
            found.push(BrokerDeadLetter {
                what,
                acker: Box::new(BrowsedAcker { acker, _browsing: browsing.clone() }),
            });
        }
        Ok(found)
    }

    fn what(&self, mut delivery: AmqpDelivery) -> (Dead, lapin::Acker) {
        let is_notification =
            delivery.properties.kind().as_ref().is_some_and(|kind| kind.as_str() == DEAD_LETTER);
        if is_notification && let Some(id) = text(&delivery.properties, LETTER) {
            return (Dead::Notified(id), delivery.acker);
        }
        let from = delivery.routing_key.as_str().trim_start_matches("poison.").to_owned();
        let envelope = envelope_of(&mut delivery, &self.topology_supervisor.topology.names);
        let body = String::from_utf8_lossy(&envelope.body).into_owned();
        let event = Event::from_json(&envelope.body).ok();
        let message = match serde_json::from_slice::<Command>(&envelope.body).ok() {
            Some(
                Command::Dispatch { message, .. }
                | Command::ResolveDoubt { message, .. }
                | Command::PollStatus { message, .. },
            ) => Some(message),
            Some(Command::LookNow { .. }) | None => None,
        };
        let (source, event_id) = identity(&envelope.body);
        let name: String = digest(&[&body])[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        let letter = DeadLetter {
            id: format!("p{name}"),
            reason: "poison".to_owned(),
            error: format!("delivered {DELIVERY_LIMIT} times from {from} and never acknowledged"),
            at: self.clock.now(),
            epoch: None,
            message,
            workflow: None,
            source,
            event_id,
            attempts: 0,
            traceparent: event.and_then(|event| event.traceparent),
            event: Some(body),
        };
        (Dead::GivenUp(Box::new(letter)), delivery.acker)
    }
}

fn unavailable(error: &lapin::Error) -> BusError {
    BusError::Unavailable(error.to_string())
}
