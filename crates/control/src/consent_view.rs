//! Consent as it is recorded and shown. In: nothing. Out: the values.

use domain::{consent::ConsentChange, phone::E164, workflow::Category};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A change that somebody records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewConsent {
    /// Whose consent.
    pub number: E164,
    /// What changed.
    pub change: RecordedChange,
    /// When it changed; now without it.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Whether it comes from a list, and not from one command.
    #[serde(default)]
    pub is_import: bool,
    /// What names the proof. The same again changes nothing.
    pub evidence: String,
    /// What the person was shown or told.
    #[serde(default)]
    pub wording: String,
    /// How they said so.
    #[serde(default)]
    pub channel: String,
}

/// What can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedChange {
    /// They agreed to texts of this category.
    Grant(Category),
    /// They take that back.
    Revoke(Category),
    /// They want no texts at all.
    OptOut,
}

/// What is known of a number's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentView {
    /// Since when the number is opted out of everything.
    pub opted_out_since: Option<Timestamp>,
    /// The categories with a grant that holds.
    pub granted: Vec<Category>,
    /// The categories of which texts may be sent.
    pub permitted: Vec<Category>,
    /// The evidence, in order of time.
    pub entries: Vec<ConsentLine>,
}

/// One entry, without the number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentLine {
    /// When it changed.
    pub at: Timestamp,
    /// What changed.
    pub change: ConsentChange,
    /// Where it is known from.
    pub source: String,
    /// What names the proof.
    pub evidence: String,
    /// What the person was shown or told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wording: String,
    /// How they said so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// Who recorded it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}
