//! Outcome events as CloudEvents 1.0 in JSON; `docs/schemas/outcome-event.json` is their schema.
//!
//! In: an outcome event. Out: JSON, the same for every try. Never: a number, or a text.

use serde_json::{Value, json};

use super::OutcomeEvent;

/// The `source` of all of them.
const SOURCE: &str = "callout";

impl OutcomeEvent {
    /// The CloudEvent that tells of it.
    pub fn to_cloud_event(&self) -> Value {
        let mut told = json!({
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": self.kind.as_str(),
            "time": self.at.to_string(),
            "datacontenttype": "application/json",
            "data": {
                "run": self.run,
                "workflow": self.workflow,
                "event": { "source": self.source, "id": self.event_id },
                "phase": self.phase.map(|phase| phase.as_str()),
                "step": self.step.map(|step| step + 1),
                "message": self.message,
                "by": self.by,
                "detail": self.detail,
                "ticket": self.ticket,
                "approval": self.approval,
            },
        });
        if let Some(subject) = &self.subject {
            told["subject"] = json!(subject);
        }
        if let Some(data) = told["data"].as_object_mut() {
            data.retain(|_, value| !value.is_null());
        }
        told
    }
}
