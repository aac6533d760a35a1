//! A step: whom it notifies, and how long it waits. In: `KIND:NAME` as the configuration writes a target. Out: the types.
//!
//! Never: resolves a target to a number; the directory does.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits::DELIVER_WITHIN_S_DEFAULT;

/// Whom a step notifies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The person on call: `oncall:SCHEDULE` or `oncall:SCHEDULE/LAYER`.
    OnCall {
        /// The schedule's name.
        schedule: String,
        /// The layer within it; `primary` unless named.
        layer: String,
    },
    /// A person of the contacts: `contact:NAME`.
    Contact(String),
    /// The number in a field of the event: `field:PATH`, dots between names.
    Field(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            _ if name.is_empty() => {
                Err(format!("expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH, not {text:?}"))
            }
            "oncall" => {
                let (schedule, layer) = name.split_once('/').unwrap_or((name, "primary"));
                Ok(Self::OnCall { schedule: schedule.to_owned(), layer: layer.to_owned() })
            }
            "contact" => Ok(Self::Contact(name.to_owned())),
            "field" => Ok(Self::Field(name.to_owned())),
            _ => Err(format!(
                "unknown target {kind:?}: expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH"
            )),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnCall { schedule, layer } if layer == "primary" => write!(f, "oncall:{schedule}"),
            Self::OnCall { schedule, layer } => write!(f, "oncall:{schedule}/{layer}"),
            Self::Contact(name) => write!(f, "contact:{name}"),
            Self::Field(path) => write!(f, "field:{path}"),
        }
    }
}

/// Whose acknowledgement a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcknowledgedBy {
    /// Anybody's.
    #[default]
    Any,
    /// Everybody's whom the step texted.
    All,
}

impl AcknowledgedBy {
    fn is_any(&self) -> bool {
        *self == Self::Any
    }
}

/// One step of the escalation policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Step {
    /// Whom to notify, all at once.
    pub notify: Vec<Target>,
    /// A receipt must come within this many seconds.
    pub deliver_within_s: Option<u32>,
    /// Somebody must acknowledge within this many seconds.
    pub ack_within_s: Option<u32>,
    /// Whose acknowledgement it waits for.
    #[serde(default, skip_serializing_if = "AcknowledgedBy::is_any")]
    pub acknowledged_by: AcknowledgedBy,
    /// It texts for information: the next step follows after this many seconds, whatever becomes of its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_after_s: Option<u32>,
    /// How long after the end of the step before it begins, in seconds. An acknowledgement meanwhile cancels it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<u32>,
    /// The queue in which a ticket is opened when the step begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

impl Step {
    /// Whether it texts for information alone.
    pub fn only_informs(&self) -> bool {
        self.continue_after_s.is_some()
    }

    /// The delivery deadline that applies, in seconds. A step that waits for nothing else waits for a receipt.
    pub fn deliver_within_s(&self) -> Option<u32> {
        match (self.deliver_within_s, self.ack_within_s) {
            (None, None) => Some(DELIVER_WITHIN_S_DEFAULT),
            (deliver, _) => deliver,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_written_as_it_is_read() {
        for text in ["oncall:platform", "oncall:platform/secondary", "contact:ada", "field:customer.phone"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!("oncall:platform/primary".parse::<Target>().unwrap().to_string(), "oncall:platform");
        for (text, complaint) in [
            ("contact:", "expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH, not \"contact:\""),
            ("ada", "expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH, not \"ada\""),
            (
                "team:ada",
                "unknown target \"team\": expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH",
            ),
        ] {
            assert_eq!(text.parse::<Target>().unwrap_err(), complaint);
        }
    }
}
