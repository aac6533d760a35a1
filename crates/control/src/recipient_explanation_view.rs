//! Why somebody was texted or was not, as it is asked for and shown. In: nothing. Out: the values.

use domain::{phone::E164, run::RunPhase};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    consent_view::ConsentView, explanation::Explanation, layer::LayerView, silence_view::SilenceView,
    view::MessageView,
};

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// The owner of a number.
    Number(E164),
    /// The contact with this name in the configuration.
    Contact(String),
}

/// Why somebody was texted within a span of time, or was not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecipientExplanation {
    /// The contacts with the number, as the configuration has them now.
    pub contacts: Vec<String>,
    /// The number, masked.
    pub to: String,
    /// The first instant of the span.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// The layers of schedules that a contact is a member of, or has an override of, with who was on call in the span, by
    /// the rotations that are configured now.
    pub on_call: Vec<LayerView>,
    /// What was known of the number's consent at the end of the span.
    pub consent: ConsentView,
    /// The silences that held within the span, as far as they are still stored.
    pub silences: Vec<SilenceView>,
    /// Runs of the span with a text to the number, in order of time.
    pub texted: Vec<Explanation>,
    /// Runs of the span whose workflow names the recipient, with no text to the number.
    pub not_reached: Vec<NotReached>,
    /// Whether runs of the span were not looked at because there are too many later ones.
    pub incomplete: bool,
}

/// A run that might have texted somebody and did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotReached {
    /// The run.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// The event's id within its source.
    pub event_id: String,
    /// What the event is about.
    pub subject: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Where it stands.
    pub phase: RunPhase,
    /// Each target that might have led to the recipient, with why it did not.
    pub why: Vec<TargetMissed>,
}

/// A target that led to somebody else, or to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetMissed {
    /// The step, from 1.
    pub step: u8,
    /// The target, for example `oncall:platform`.
    pub target: String,
    /// Why it did not lead to the recipient.
    pub why: String,
}

/// A text to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextView {
    /// Of which run.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// What the event is about.
    pub subject: Option<String>,
    /// The event's id within its source.
    pub event_id: String,
    /// When the run was opened.
    pub opened_at: Timestamp,
    /// The text, as runs show it.
    #[serde(flatten)]
    pub message: MessageView,
}
