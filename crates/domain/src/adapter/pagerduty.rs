//! PagerDuty's Events API v2. In: an alert event that a tool would send there. Out: its report, and the routing key that
//! it bears.
//!
//! The format is that of developer.pagerduty.com/docs/events-api-v2/trigger-events.
//! Never: keeps the routing key, or acknowledges: callout takes that from the people it texts.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    kind::Adapter,
    payload::{first_text, object, only, short_digest, text_of},
    report::{Identity, Report, Says, subject_of},
};
use crate::{limits::DOOR_REPEAT_S, schema::FieldError};

/// The member that holds the source's key.
pub const ROUTING_KEY: &str = "routing_key";

/// The routing key of a body, if it has one.
pub fn routing_key(body: &[u8]) -> Option<String> {
    text_of(object(body).ok()?.get(ROUTING_KEY))
}

/// Reads one alert event.
pub(super) fn read(body: &[u8], now: Timestamp) -> Result<Report, Vec<FieldError>> {
    let mut event = object(body)?;
    event.remove(ROUTING_KEY);
    let mut errors = Vec::new();
    let says = match event.get("event_action").and_then(Value::as_str) {
        Some("trigger") => Says::Opens,
        Some("resolve") => Says::Resolves,
        Some("acknowledge") => {
            let message =
                "'acknowledge' is not taken: callout takes acknowledgements from the people it texts";
            return Err(vec![FieldError::new("/event_action", message)]);
        }
        _ => {
            errors.push(FieldError::new("/event_action", "expected 'trigger' or 'resolve'"));
            Says::Opens
        }
    };
    let payload = event.get("payload");
    let summary = first_text(payload, &["summary"]);
    if says == Says::Opens && summary.is_none() {
        errors.push(FieldError::new("/payload/summary", "required: it is what the text says"));
    }
    let dedup_key = text_of(event.get("dedup_key"));
    if says == Says::Resolves && dedup_key.is_none() {
        errors.push(FieldError::new("/dedup_key", "required: it says what is resolved"));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let subject = dedup_key.map_or_else(|| key_of(&event, now), |key| subject_of(&key));
    let service = first_text(payload, &["component", "source"]).or_else(|| text_of(event.get("client")));
    let mut usual = Map::new();
    let fields = [("title", summary), ("severity", first_text(payload, &["severity"])), ("service", service)];
    usual.extend(fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
    usual.entry("severity").or_insert_with(|| "high".into());
    let mut view = payload
        .and_then(Value::as_object)
        .map(|payload| only(payload, Adapter::PagerDuty.names().iter().copied()))
        .unwrap_or_default();
    view.extend(only(&event, ["client", "client_url", "event_action"]));
    view.insert("dedup_key".to_owned(), subject.clone().into());
    Ok(Report { adapter: Adapter::PagerDuty, says, subject, identity: Identity::Recurrence, view, usual })
}

/// The key of an event without one: the same for what is sent again because no answer came, another for what happens
/// again later.
fn key_of(event: &Map<String, Value>, now: Timestamp) -> String {
    let window = now.as_second().div_euclid(DOOR_REPEAT_S);
    short_digest(&[&Value::Object(event.clone()).to_string(), &window.to_string()])
}
