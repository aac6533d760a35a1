//! What a guard on content changed, and how strict it is. In: nothing. Out: the words that are configured and stored.
//!
//! Never: ends a message; only a workflow that asks for it refuses a text.

use serde::{Deserialize, Serialize};

/// What becomes of a link to a host that the workflow does not list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPolicy {
    /// It is made harmless, and the text goes out.
    #[default]
    Defang,
    /// The text is not sent; it becomes a dead letter.
    Refuse,
}

impl LinkPolicy {
    /// Whether it is the policy of a workflow that names none.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One difference between a text and what its template and event say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentChange {
    /// The dotted name of the field, `the text`, or `template` where none of it could be used.
    pub field: String,
    /// What was wrong, without a value but the host of a link.
    pub reason: String,
}

impl ContentChange {
    /// A link that was made harmless.
    pub fn link(field: String, host: &str) -> Self {
        Self { field, reason: format!("link to {host}, which is not under link_hosts") }
    }
}
