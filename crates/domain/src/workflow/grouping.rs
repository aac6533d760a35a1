//! What a workflow says of texts that belong together. In: an event's fields. Out: the group that they are of, and whether
//! its text goes at once in any case.
//!
//! Never: knows what was texted before; a [`crate::group::Group`] does.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{field_path::value_at, phone::without_numbers};

/// Longest name of a group as people read it, in characters.
const LABEL_CHARS_MAX: usize = 80;

/// Which texts of a workflow to one recipient belong together, and for how long they are gathered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// Fields of the event, dots between names: events that say the same there are of one group. None: all events of the
    /// workflow are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// How long after a text of a group the next ones to its recipient are held, in seconds.
    pub window_s: u32,
    /// Events that are never held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<AtOnce>,
    /// When a subject counts as flapping; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
}

/// Events whose texts are never held: what a field of theirs says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtOnce {
    /// The field, dots between names.
    pub field: String,
    /// What it says then, in upper or lower case.
    pub values: Vec<String>,
}

/// When a subject counts as flapping: it opened and was resolved so many times within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// How many times it opened or was resolved, both counted.
    pub changes: u16,
    /// Within so many seconds.
    pub within_s: u32,
}

impl Grouping {
    /// Whether the text of an event with these fields is never held.
    pub fn goes_at_once(&self, data: &Map<String, Value>) -> bool {
        let Some(AtOnce { field, values }) = &self.at_once else { return false };
        let said = value_at(data, field).map(words_of);
        said.is_some_and(|said| values.iter().any(|value| value.eq_ignore_ascii_case(&said)))
    }

    /// What tells the groups of a workflow apart, for an event with these fields.
    pub fn values(&self, data: &Map<String, Value>) -> Vec<String> {
        self.by.iter().map(|field| value_at(data, field).map(words_of).unwrap_or_default()).collect()
    }

    /// The group as people read it, without numbers: `service=checkout`. Empty where there is one group alone.
    pub fn label(&self, data: &Map<String, Value>) -> String {
        let named = self.by.iter().zip(self.values(data)).map(|(field, value)| format!("{field}={value}"));
        let label = without_numbers(&named.collect::<Vec<_>>().join(", "));
        label.chars().filter(|c| !c.is_control()).take(LABEL_CHARS_MAX).collect()
    }
}

fn words_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
