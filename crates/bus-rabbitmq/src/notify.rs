//! Notifications for other systems: ended runs, dead letters, the provider's health. In: notifications. Out: messages,
//! published in the background.
//!
//! Never: makes its caller wait, or grows without bound: what the broker does not take in time is dropped and logged.
//! Read the store for the current state.

use std::sync::Arc;

use domain::timeline::DeadLetter;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use ports::{Ended, Notification, Sending};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    core::Core,
    headers::LETTER,
    message::{DEAD_LETTER, Outgoing, PERSISTENT},
    publisher::{Address, Publisher},
    topology::Names,
};

/// Most notifications that wait for the broker; more are dropped.
const WAITING_MAX: usize = 4_096;
/// The CloudEvents `source` of our own notifications.
const SOURCE: &str = "callout";

/// Hands notifications to the task that publishes them.
pub(crate) struct Notifier(mpsc::Sender<Notification>);

impl Notifier {
    /// A notifier, and the receiver for [`publish`].
    pub(crate) fn new() -> (Self, mpsc::Receiver<Notification>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    pub(crate) fn notify(&self, notification: Notification) {
        if self.0.try_send(notification).is_err() {
            tracing::warn!(
                "a notification was dropped because the broker takes none; the store has its content"
            );
        }
    }
}

/// Publishes notifications until the bus is gone. `with_ends`: whether ended runs are published too.
pub(crate) async fn publish(
    core: Arc<Core>,
    publisher: Publisher,
    mut notifications: mpsc::Receiver<Notification>,
    with_ends: bool,
) {
    let names = &core.topology_supervisor.topology.names;
    while let Some(notification) = notifications.recv().await {
        let (address, message) = match &notification {
            Notification::DeadLetter(letter) => dead_letter(names, letter),
            Notification::Ended(ended) if with_ends => end(names, ended),
            Notification::Ended(_) => continue,
            Notification::Sending(sending) => health(names, sending),
        };
        if let Err(error) = publisher.publish(address, message).await {
            tracing::warn!(%error, "a notification was lost; the store has its content");
        }
    }
}

/// A dead letter with its reason in headers, so that tools of the broker show it; the event itself is the body.
fn dead_letter(names: &Names, letter: &DeadLetter) -> (Address, Outgoing) {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut headers = FieldTable::default();
    headers.insert(LETTER.into(), text(&letter.id));
    headers.insert("reason".into(), text(&letter.reason));
    headers.insert("error".into(), text(&letter.error));
    headers.insert("attempts".into(), AMQPValue::LongInt(i32::from(letter.attempts)));
    headers.insert("at".into(), text(&letter.at.to_string()));
    let message = letter.message.as_ref().map(ToString::to_string);
    let user = letter.origin.as_ref().and_then(|origin| origin.user.clone());
    let optional = [
        ("message", &message),
        ("workflow", &letter.workflow),
        ("source", &letter.source),
        ("event-id", &letter.event_id),
        ("traceparent", &letter.traceparent),
        ("user", &user),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            headers.insert(name.into(), text(value));
        }
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(DEAD_LETTER.into())
        .with_content_type("application/cloudevents+json".into())
        .with_app_id("callout".into())
        .with_message_id(letter.id.as_str().into())
        .with_headers(headers);
    let address = Address { exchange: names.dead(), key: format!("dead.{}", letter.reason) };
    (address, Outgoing { body: letter.event.clone().unwrap_or_default().into_bytes(), properties })
}

/// That sending stopped or resumed, as a CloudEvent.
fn health(names: &Names, sending: &Sending) -> (Address, Outgoing) {
    let (what, at, data) = match sending {
        Sending::Stopped { is_account, account_code, at } => {
            let reason = if *is_account { "account_refused" } else { "provider_in_trouble" };
            ("stopped", at, json!({"reason": reason, "code": account_code}))
        }
        Sending::Resumed { at } => ("resumed", at, json!({})),
    };
    let record = json!({
        "specversion": "1.0", "source": SOURCE, "type": format!("callout.sending.{what}"),
        "id": format!("sending.{what}.{}", at.as_millisecond()), "time": at,
        "datacontenttype": "application/json", "data": data,
    });
    cloud_event(names, format!("sending.{what}"), &record)
}

/// The end of a run as a CloudEvent, without phone numbers and without the event's data.
fn end(names: &Names, ended: &Ended) -> (Address, Outgoing) {
    let Ended { outcome, workflow, event, subject, traceparent } = ended;
    let phase = outcome.phase.as_str();
    let id = format!("{}.{phase}", outcome.run);
    let mut record = json!({
        "specversion": "1.0", "source": SOURCE, "type": format!("callout.run.{phase}"), "id": id,
        "time": outcome.at, "subject": outcome.run, "datacontenttype": "application/json",
        "data": {
            "run": outcome.run, "phase": phase, "workflow": workflow, "ticket": outcome.ticket,
            "event": {"source": event.source, "id": event.id, "subject": subject},
        },
    });
    if let Some(traceparent) = traceparent {
        record["traceparent"] = json!(traceparent);
    }
    cloud_event(names, format!("run.{phase}"), &record)
}

fn cloud_event(names: &Names, key: String, record: &Value) -> (Address, Outgoing) {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/cloudevents+json".into())
        .with_app_id("callout".into())
        .with_message_id(record["id"].as_str().unwrap_or_default().into());
    (
        Address { exchange: names.outcomes(), key },
        Outgoing { body: record.to_string().into_bytes(), properties },
    )
}
