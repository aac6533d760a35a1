//! Outcomes as CloudEvents 1.0 in JSON; `docs/schemas/outcome-event.json` is their schema.
//!
//! In: an effect. Out: JSON, the same for every try. Never: a number, or a text that was not asked for.

use ports::EffectRequest;
use serde_json::{Value, json};

/// The `source` of all of them.
const SOURCE: &str = "callout";

/// The event that tells of an outcome; with the text that was sent, if the destination gets texts.
pub(crate) fn cloud_event(request: &EffectRequest, includes_text: bool) -> Value {
    let event = &request.effect.event;
    let mut told = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": SOURCE,
        "type": event.kind.as_str(),
        "time": event.at.to_string(),
        "datacontenttype": "application/json",
        "data": {
            "run": event.run,
            "workflow": event.workflow,
            "event": { "source": event.source, "id": event.event_id },
            "phase": event.phase.map(|phase| phase.as_str()),
            "step": event.step.map(|step| step + 1),
            "message": event.message,
            "by": event.by,
            "detail": event.detail,
            "ticket": event.ticket,
        },
    });
    if let Some(subject) = &event.subject {
        told["subject"] = json!(subject);
    }
    if let Some(data) = told["data"].as_object_mut() {
        data.retain(|_, value| !value.is_null());
        if let Some(text) = text(request).filter(|_| includes_text) {
            data.insert("text".to_owned(), json!(text));
        }
    }
    told
}

/// The text of the message that the event is about, or of the run's first.
fn text(request: &EffectRequest) -> Option<&str> {
    let run = request.run.as_ref()?;
    let message = run.message(request.effect.event.message.unwrap_or(1))?;
    message.text().map(|text| text.0.as_ref())
}
