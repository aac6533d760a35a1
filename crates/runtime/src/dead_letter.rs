//! What cannot be worked on, kept where an operator finds it.
//!
//! In: the bytes of a delivery, and why they are no work of ours. Out: a dead letter in the store.
//! Never: logs the bytes, or fails on them: whatever came, the delivery can be answered.

use std::sync::Arc;

use domain::{
    cloud_event::identity,
    event::Event,
    id::digest,
    limits::{DEAD_BODY_BYTES_KEPT, EVENT_BODY_BYTES_MAX},
    phone::without_numbers,
    timeline::DeadLetter,
};
use jiff::Timestamp;
use ports::{Bus, Clock, DeadLetterStore, Notification};

use crate::error::RoleError;

/// Makes dead letters of deliveries.
pub struct DeadLetters {
    /// Where they are kept.
    pub store: Arc<dyn DeadLetterStore>,
    /// Where those who watch hear of them.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl DeadLetters {
    /// Makes a dead letter of a delivery. The same bytes, however often they come, are one letter.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn add(&self, body: &[u8], reason: &str, error: &str) -> Result<(), RoleError> {
        let letter = letter_of(body, reason, error, self.clock.now());
        tracing::warn!(reason, error = without_numbers(error), dead_letter = %letter.id, bytes = body.len(), "a delivery became a dead letter");
        self.store.add_dead_letter(&letter).await?;
        telemetry::metrics().dead_letter(reason);
        self.bus.notify(Notification::DeadLetter(Box::new(letter)));
        Ok(())
    }
}

/// The letter of a delivery, with the identity of its event as far as it can be read, valid or not.
fn letter_of(body: &[u8], reason: &str, error: &str, now: Timestamp) -> DeadLetter {
    let name: String =
        digest(&[&String::from_utf8_lossy(body)])[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    // What no endpoint would have taken cannot be replayed either, so its beginning is enough to know it by.
    let (kept, event) = if body.len() > EVENT_BODY_BYTES_MAX {
        (&body[..DEAD_BODY_BYTES_KEPT], None)
    } else {
        (body, Event::from_json(body).ok())
    };
    let (source, event_id) = identity(body);
    DeadLetter {
        id: format!("e{name}"),
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
            let letter = letter_of(body.as_bytes(), "invalid_event", "wrong", Timestamp::UNIX_EPOCH);
            assert_eq!(
                (letter.source.as_deref(), letter.event_id.as_deref()),
                (Some("monitoring"), Some("e-1"))
            );
            let kept = letter.event.unwrap();
            assert!(body.starts_with(&kept) && (kept == body || kept.len() == DEAD_BODY_BYTES_KEPT));
        }
    }
}
