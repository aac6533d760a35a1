//! What cannot be worked on, kept where an operator finds it.
//!
//! In: the bytes of a delivery, and why they are no work of ours. Out: a dead letter in the store.
//! Never: logs the bytes, or fails on them: whatever came, the delivery can be answered.

use std::sync::Arc;

use domain::{
    event::Event,
    id::digest,
    limits::{DEAD_BODY_BYTES_KEPT, EVENT_BODY_BYTES_MAX},
    timeline::DeadLetter,
};
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
        let name: String = digest(&[&String::from_utf8_lossy(body)])[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        // What no endpoint would have taken cannot be replayed either, so its beginning is enough to know it by.
        let (kept, event) = if body.len() > EVENT_BODY_BYTES_MAX {
            (&body[..DEAD_BODY_BYTES_KEPT], None)
        } else {
            (body, Event::from_json(body).ok())
        };
        tracing::warn!(reason, error, dead_letter = %name, bytes = body.len(), "a delivery became a dead letter");
        let letter = DeadLetter {
            id: format!("e{name}"),
            reason: reason.to_owned(),
            error: error.to_owned(),
            at: self.clock.now(),
            epoch: None,
            message: None,
            workflow: None,
            source: event.as_ref().map(|event| event.key.source.clone()),
            attempts: 0,
            traceparent: event.and_then(|event| event.traceparent),
            event: Some(String::from_utf8_lossy(kept).into_owned()),
        };
        self.store.add_dead_letter(&letter).await?;
        telemetry::metrics().dead_letter(reason);
        self.bus.notify(Notification::DeadLetter(Box::new(letter)));
        Ok(())
    }
}
