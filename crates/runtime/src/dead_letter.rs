//! What cannot be worked on, kept where an operator finds it.
//!
//! In: the bytes of a delivery, and why they are no work of ours. Out: a dead letter in the store.
//! Never: logs the bytes, or fails on them: whatever came, the delivery can be answered.

use std::sync::Arc;

use domain::{
    broker_origin::BrokerOrigin,
    cloud_event::identity,
    event::Event,
    limits::{DEAD_BODY_BYTES_KEPT, EVENT_BODY_BYTES_MAX},
    phone::{identifier_without_numbers, without_numbers},
    timeline::DeadLetter,
};
use jiff::Timestamp;
use ports::{Bus, Clock, DeadLetterStore, Delivery, Notification};

use crate::error::RoleError;

/// Work that cannot be done, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Undeliverable<'a> {
    /// Its bytes.
    pub body: &'a [u8],
    /// How it came, if a producer published it to the broker itself.
    pub origin: Option<&'a BrokerOrigin>,
}

impl<'a> Undeliverable<'a> {
    /// These bytes of a delivery.
    pub fn new(body: &'a [u8], delivery: &'a Delivery) -> Self {
        Self { body, origin: delivery.origin.as_deref() }
    }
}

/// Makes dead letters of deliveries.
#[derive(Clone)]
pub struct DeadLetters {
    /// Where they are kept.
    pub store: Arc<dyn DeadLetterStore>,
    /// Where those who watch hear of them.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl DeadLetters {
    /// Makes a dead letter of a delivery. The same bytes of the same user, however often they come, are one letter.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn add(&self, refused: Undeliverable<'_>, reason: &str, error: &str) -> Result<(), RoleError> {
        let body = refused.body;
        let letter = letter_of(refused, reason, error, self.clock.now());
        tracing::warn!(
            reason,
            error = without_numbers(error),
            "event.source" = letter.source.as_deref().map(identifier_without_numbers),
            "event.id" = letter.event_id.as_deref().map(identifier_without_numbers),
            dead_letter = %letter.id,
            bytes = body.len(),
            "a delivery became a dead letter"
        );
        self.store.add_dead_letter(&letter).await?;
        telemetry::metrics().runs.dead_letter(reason);
        if refused.origin.is_some() {
            telemetry::metrics().intake.rejected(letter.source.as_deref(), reason);
        }
        self.bus.notify(Notification::DeadLetter(Box::new(letter)));
        Ok(())
    }
}

/// The letter of a delivery, with the identity of its event as far as it can be read, valid or not.
fn letter_of(refused: Undeliverable<'_>, reason: &str, error: &str, now: Timestamp) -> DeadLetter {
    let Undeliverable { body, origin } = refused;
    // What no endpoint would have taken cannot be replayed either, so its beginning is enough to know it by.
    let (kept, event) = if body.len() > EVENT_BODY_BYTES_MAX {
        (&body[..DEAD_BODY_BYTES_KEPT], None)
    } else {
        (body, Event::from_json(body).ok())
    };
    let (source, event_id) = identity(body);
    DeadLetter {
        id: DeadLetter::id_of_event('e', &String::from_utf8_lossy(body), origin),
        reason: reason.to_owned(),
        error: error.to_owned(),
        at: now,
        epoch: None,
        message: None,
        workflow: None,
        source,
        event_id,
        attempts: 0,
        traceparent: event.and_then(|event| event.traceparent),
        event: Some(String::from_utf8_lossy(kept).into_owned()),
        origin: origin.cloned().map(Box::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d9_the_letter_of_an_event_that_is_invalid_or_too_large_names_it() {
        let large =
            format!(r#"{{"data":{{"text":"{}"}},"id":"e-1","source":"monitoring"}}"#, "x".repeat(300_000));
        for body in [r#"{"data_base64":"//4=","id":"e-1","source":"monitoring"}"#, &large] {
            let refused = Undeliverable { body: body.as_bytes(), origin: None };
            let letter = letter_of(refused, "invalid_event", "wrong", Timestamp::UNIX_EPOCH);
            assert_eq!(
                (letter.source.as_deref(), letter.event_id.as_deref()),
                (Some("monitoring"), Some("e-1"))
            );
            let kept = letter.event.unwrap();
            assert!(body.starts_with(&kept) && (kept == body || kept.len() == DEAD_BODY_BYTES_KEPT));
        }
    }
}
