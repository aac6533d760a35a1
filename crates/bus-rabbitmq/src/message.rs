//! The messages on the wire. In: events, commands and timers. Out: bodies and properties, and back.
//!
//! Never: puts anything about a person into a routing key or a property, or repeats a header that the broker wrote: with
//! an old `x-death` a broker before 4.0 takes a second delay for a cycle and drops the message.

use domain::{broker_origin::BrokerOrigin, event::Event, id::digest, timeline::Command};
use jiff::Timestamp;
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};
use ports::{Payload, Queue, TimerSlot};
use serde::de::DeserializeOwned;

use crate::{
    cloud_event,
    delay::DelayMode,
    headers::{DELIVERIES, EVENT, FIRE_AT, ORIGIN, PUBLISHED_AT, USER, header, number},
    origin,
    publisher_auth::PublisherAuth,
    topology::Names,
};

const COMMAND: &str = "callout.command.v1";
const TIMER: &str = "callout.alarm.v1";
/// The message type of a dead letter that the store has too.
pub(crate) const DEAD_LETTER: &str = "callout.dead-letter.v1";
pub(crate) const PERSISTENT: u8 = 2;

/// Headers of producers that are passed on.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// A message to be published.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) body: Vec<u8>,
    pub(crate) properties: BasicProperties,
}

/// The parts of a message that survive a delay.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Envelope {
    kind: String,
    pub(crate) body: Vec<u8>,
    message_id: Option<String>,
    published_ms: Option<i64>,
    user: Option<String>,
    /// Of an event that a producer published to the broker itself.
    pub(crate) origin: Option<Box<BrokerOrigin>>,
    trace: FieldTable,
    /// How often it was delivered before this copy was published.
    deliveries: i64,
    pub(crate) fire_at: Option<Timestamp>,
}

impl Envelope {
    /// A new event.
    pub(crate) fn event(event: &Event, now: Timestamp) -> Self {
        let id = digest(&[&event.key.source, &event.key.id]);
        let mut trace = FieldTable::default();
        if let Some(parent) = &event.traceparent {
            trace.insert("traceparent".into(), AMQPValue::LongString(parent.as_str().into()));
        }
        Self { trace, ..Self::new(EVENT, event.to_json(), &id, now) }
    }

    /// The event of a dead letter, to be worked on in the name of who published it first.
    pub(crate) fn republished(event: &Event, origin: &BrokerOrigin, now: Timestamp) -> Self {
        // Absent, the header would leave the event to the user that publishes it now.
        let user = Some(origin.user.clone().unwrap_or_default());
        Self { user, origin: Some(Box::new(origin.clone())), ..Self::event(event, now) }
    }

    /// A new command.
    pub(crate) fn command(command: &Command, now: Timestamp) -> Self {
        // Ids and numbers always serialize.
        let body = serde_json::to_vec(command).unwrap_or_default();
        let id = digest(&[&String::from_utf8_lossy(&body)]);
        Self::new(COMMAND, body, &id, now)
    }

    /// A new timer, not to be delivered before its time.
    pub(crate) fn timer(slot: TimerSlot, now: Timestamp) -> Self {
        let body = serde_json::to_vec(&slot).unwrap_or_default();
        let id = digest(&[&String::from_utf8_lossy(&body)]);
        Self { fire_at: Some(slot.at()), ..Self::new(TIMER, body, &id, now) }
    }

    fn new(kind: &str, body: Vec<u8>, id: &[u8; 32], now: Timestamp) -> Self {
        Self {
            kind: kind.to_owned(),
            body,
            message_id: Some(id[..12].iter().map(|byte| format!("{byte:02x}")).collect()),
            published_ms: Some(now.as_millisecond()),
            user: None,
            origin: None,
            trace: FieldTable::default(),
            deliveries: 0,
            fire_at: None,
        }
    }

    /// A copy, to be delivered once more at `at`.
    pub(crate) fn again_at(&self, at: Timestamp) -> Self {
        Self { deliveries: self.deliveries.saturating_add(1), fire_at: Some(at), ..self.clone() }
    }

    /// The message, with fresh properties.
    pub(crate) fn to_message(&self) -> Outgoing {
        let mut headers = self.trace.clone();
        let mut number = |name: &str, value: Option<i64>| {
            if let Some(value) = value {
                headers.insert(name.into(), AMQPValue::LongLongInt(value));
            }
        };
        number(PUBLISHED_AT, self.published_ms);
        number(FIRE_AT, self.fire_at.map(Timestamp::as_millisecond));
        number(DELIVERIES, (self.deliveries > 0).then_some(self.deliveries));
        if let Some(user) = &self.user {
            headers.insert(USER.into(), AMQPValue::LongString(user.as_str().into()));
        }
        if let Some(origin) = &self.origin {
            // Texts and a number always serialize.
            let origin = serde_json::to_string(origin).unwrap_or_default();
            headers.insert(ORIGIN.into(), AMQPValue::LongString(origin.into()));
        }
        let content_type =
            if self.kind == EVENT { "application/cloudevents+json" } else { "application/json" };
        let mut properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type(content_type.into())
            .with_type(self.kind.as_str().into())
            .with_app_id("callout".into())
            .with_headers(headers);
        if let Some(id) = &self.message_id {
            properties = properties.with_message_id(id.as_str().into());
        }
        if let Some(seconds) = self.published_ms.and_then(|ms| u64::try_from(ms / 1_000).ok()) {
            properties = properties.with_timestamp(seconds);
        }
        Outgoing { body: self.body.clone(), properties }
    }
}

impl Outgoing {
    /// Adds the `user-id` property, which the broker verifies against the connection's user.
    pub(crate) fn vouched(mut self, user: &str) -> Self {
        self.properties = self.properties.with_user_id(user.into());
        self
    }

    /// For the delayed message exchange.
    pub(crate) fn delayed_by(mut self, delay_ms: i64) -> Self {
        let mut headers = self.properties.headers().clone().unwrap_or_default();
        headers.insert("x-delay".into(), AMQPValue::LongLongInt(delay_ms));
        self.properties = self.properties.with_headers(headers);
        self
    }
}

/// A parsed delivery.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) payload: Payload,
    pub(crate) redelivered: bool,
    pub(crate) published_at: Option<Timestamp>,
    pub(crate) envelope: Envelope,
    /// How often the broker took it back.
    pub(crate) returned: i64,
}

/// Reads the body and the properties that outlive a delay. Takes the body out of the delivery.
pub(crate) fn envelope_of(
    delivery: &mut Delivery,
    names: &Names,
    publisher_auth: Option<&PublisherAuth>,
) -> Envelope {
    let body = std::mem::take(&mut delivery.data);
    let properties = &delivery.properties;
    let ours = is_ours(delivery, names);
    let (kind, body) = if ours {
        (properties.kind().as_ref().map_or_else(String::new, ToString::to_string), body)
    } else {
        (EVENT.to_owned(), cloud_event::structured(properties, &body).unwrap_or(body))
    };
    let user = origin::publisher(properties, ours, publisher_auth);
    let is_event = kind == EVENT;
    let origin = is_event.then(|| origin::origin(properties, user.as_ref(), publisher_auth)).flatten();
    let mut trace = FieldTable::default();
    for name in TRACE {
        if let Some(value) = header(properties, name) {
            trace.insert(name.into(), value.clone());
        }
    }
    let seconds = || properties.timestamp().and_then(|seconds| i64::try_from(seconds).ok());
    Envelope {
        kind,
        body,
        message_id: properties.message_id().as_ref().map(ToString::to_string),
        published_ms: number(properties, PUBLISHED_AT).or_else(|| seconds()?.checked_mul(1_000)),
        user,
        origin: origin.map(Box::new),
        trace,
        // Taken from our own messages only: a producer must not delay its event for a day.
        deliveries: number(properties, DELIVERIES).filter(|_| ours).unwrap_or_default(),
        fire_at: number(properties, FIRE_AT)
            .filter(|_| ours)
            .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
    }
}

/// Reads a delivery of a queue.
pub(crate) fn read(
    mut delivery: Delivery,
    queue: Queue,
    names: &Names,
    publisher_auth: Option<&PublisherAuth>,
) -> (Incoming, lapin::Acker) {
    let envelope = envelope_of(&mut delivery, names, publisher_auth);
    let payload = payload(&envelope, queue, publisher_auth);
    // From 4.3 on the first counts only what was lost with its channel, and the second everything.
    let count = |name: &str| number(&delivery.properties, name).unwrap_or_default();
    let returned = count("x-delivery-count").max(count("x-acquired-count"));
    let incoming = Incoming {
        payload,
        redelivered: delivery.redelivered || returned > 0 || envelope.deliveries > 0,
        published_at: envelope.published_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        envelope,
        returned,
    };
    (incoming, delivery.acker)
}

fn payload(envelope: &Envelope, queue: Queue, publisher_auth: Option<&PublisherAuth>) -> Payload {
    let body = envelope.body.clone();
    let (is_events, kind) = (matches!(queue, Queue::Events(_)), envelope.kind.as_str());
    match kind {
        EVENT if is_events => {
            match publisher_auth.and_then(|auth| auth.refusal(envelope.user.as_deref(), &body)) {
                Some(reason) => Payload::Unreadable { body, reason },
                None => Payload::Event(body),
            }
        }
        COMMAND => parsed(body, "command", Payload::Command),
        TIMER => parsed(body, "timer", Payload::Timer),
        _ => {
            let reason = format!("a message of type {kind:?} does not belong into {}", queue.name());
            Payload::Unreadable { body, reason }
        }
    }
}

fn parsed<T: DeserializeOwned>(body: Vec<u8>, what: &str, payload: impl FnOnce(T) -> Payload) -> Payload {
    match serde_json::from_slice(&body) {
        Ok(value) => payload(value),
        Err(error) => {
            // The parser's own words repeat what stands there, which may be anybody's text.
            let (line, column) = (error.line(), error.column());
            let reason = format!("it is no {what} of this version (line {line}, column {column})");
            Payload::Unreadable { body, reason }
        }
    }
}

/// Whether a process of callout published it: producers may not write to these exchanges.
fn is_ours(delivery: &Delivery, names: &Names) -> bool {
    let exchange = delivery.exchange.as_str();
    exchange == names.commands() || exchange == names.wake() || exchange == names.delay(DelayMode::Plugin)
}
