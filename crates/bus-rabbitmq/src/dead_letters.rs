//! The broker's dead letters. In: their queue. Out: each dead letter, and an acker that removes it.
//!
//! Never: asks for messages or requeues them one by one. A quorum queue writes each such request to its log, and requeueing
//! uses up the delivery limit: what is not removed returns to its place when the channel closes.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    cloud_event::identity,
    event::Event,
    timeline::{Command, DeadLetter},
};
use futures::{StreamExt as _, future, stream::BoxStream};
use jiff::Timestamp;
use lapin::{
    BasicProperties, Channel,
    message::Delivery as AmqpDelivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable},
};
use ports::{Acker, BrokerDeadLetter, BusError, Dead};

use crate::{
    connect::within,
    core::Core,
    headers::{LETTER, header, text},
    message::{DEAD_LETTER, envelope_of},
    topology::{DELIVERY_LIMIT, Names},
};

/// A channel that closes when the last dead letter that was read through it is dropped.
struct Reading(Channel);

impl Drop for Reading {
    fn drop(&mut self) {
        let channel = self.0.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(channel.close(200, "read".into()).await) });
        }
    }
}

struct ReadAcker {
    acker: lapin::Acker,
    _reading: Arc<Reading>,
}

#[async_trait]
impl Acker for ReadAcker {
    async fn ack(self: Box<Self>) -> Result<bool, BusError> {
        within(self.acker.ack(BasicAckOptions::default())).await.map_err(|error| unavailable(&error))
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
    pub(crate) async fn dead_letters(
        self: Arc<Self>,
        max: u16,
    ) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        let channel = self.consume_connection.channel().await.map_err(|error| unavailable(&error))?;
        let reading = Arc::new(Reading(channel));
        let queue = self.topology_supervisor.topology.names.dead();
        let consumer = within(async {
            reading.0.basic_qos(max.max(1), BasicQosOptions { global: false }).await?;
            let options = BasicConsumeOptions::default();
            reading.0.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default()).await
        });
        let consumer = consumer.await.map_err(|error| unavailable(&error))?;
        let dead = move |delivery: AmqpDelivery| {
            let (what, acker) = self.what(delivery);
            BrokerDeadLetter { what, acker: Box::new(ReadAcker { acker, _reading: reading.clone() }) }
        };
        Ok(consumer
            .scan((), |(), delivery| future::ready(delivery.map_err(interrupted).ok()))
            .map(dead)
            .boxed())
    }

    fn what(&self, mut delivery: AmqpDelivery) -> (Dead, lapin::Acker) {
        let is_notification =
            delivery.properties.kind().as_ref().is_some_and(|kind| kind.as_str() == DEAD_LETTER);
        if is_notification && let Some(id) = text(&delivery.properties, LETTER) {
            return (Dead::Notified(id), delivery.acker);
        }
        let from = delivery.routing_key.as_str().trim_start_matches("poison.").to_owned();
        let names = &self.topology_supervisor.topology.names;
        let (reason, error) = death(&delivery.properties, names, &from);
        let mut envelope = envelope_of(&mut delivery, names, self.publisher_auth.as_ref());
        let body = String::from_utf8_lossy(&envelope.body).into_owned();
        let event = Event::from_json(&envelope.body).ok();
        let command = serde_json::from_slice::<Command>(&envelope.body).ok();
        let is_command = command.is_some();
        let message = match command {
            Some(
                Command::Dispatch { message, .. }
                | Command::ResolveDoubt { message, .. }
                | Command::PollStatus { message, .. },
            ) => Some(message),
            Some(Command::LookNow { .. }) | None => None,
        };
        let (source, event_id) = identity(&envelope.body);
        let origin = envelope.origin.take().filter(|_| !is_command);
        let letter = DeadLetter {
            id: DeadLetter::id_of_event('p', &body, origin.as_deref()),
            reason: reason.to_owned(),
            error,
            at: self.clock.now(),
            epoch: None,
            message,
            workflow: None,
            source,
            event_id,
            attempts: 0,
            traceparent: event.and_then(|event| event.traceparent),
            event: Some(body),
            origin,
        };
        (Dead::GivenUp(Box::new(letter)), delivery.acker)
    }
}

/// Why the broker gave a message of this queue up: a reason, and what was seen.
fn death(properties: &BasicProperties, names: &Names, from: &str) -> (&'static str, String) {
    let queue = names.name(from);
    let deaths = header(properties, "x-death").and_then(AMQPValue::as_array);
    let tables =
        deaths.into_iter().flat_map(|deaths| deaths.as_slice()).filter_map(AMQPValue::as_field_table);
    let text = |table: &FieldTable, name: &str| match table.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        _ => String::new(),
    };
    // The latest death comes first. One in a delay queue was on the way here.
    let death = tables.into_iter().find(|table| text(table, "queue") == queue);
    match death.map(|table| text(table, "reason")).as_deref() {
        Some("expired") => (
            "expired",
            format!("expired before it was read: it waited in {from} for longer than its producer allowed"),
        ),
        Some("rejected") if queue == names.step() => {
            ("misrouted", format!("it names no queue that {from} leads to"))
        }
        _ => ("poison", format!("delivered {DELIVERY_LIMIT} times from {from} and never acknowledged")),
    }
}

fn interrupted(error: lapin::Error) {
    tracing::warn!(%error, "the reading of dead letters was interrupted");
}

fn unavailable(error: &lapin::Error) -> BusError {
    BusError::Unavailable(error.to_string())
}
