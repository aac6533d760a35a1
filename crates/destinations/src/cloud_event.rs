//! The CloudEvent that a destination gets. In: an effect. Out: JSON, the same for every try.
//!
//! Never: a number, or a text that was not asked for; a text never holds the link that acknowledges.

use ports::EffectRequest;
use serde_json::{Value, json};

/// The event that tells of an outcome; with the text that was sent, if the destination gets texts.
pub(crate) fn cloud_event(request: &EffectRequest, includes_text: bool) -> Value {
    let mut told = request.effect.event.to_cloud_event();
    if let Some(text) = text(request).filter(|_| includes_text) {
        told["data"]["text"] = json!(text);
    }
    told
}

/// The text of the message that the event is about, or of the run's first.
fn text(request: &EffectRequest) -> Option<String> {
    let run = request.run.as_ref()?;
    run.message(request.effect.event.message.unwrap_or(1))?.shown_text()
}
