//! What the owner of a number agreed to, as operators see and record it. In: numbers, and changes with their proof. Out: the
//! sum and its entries.
//!
//! Never: lifts an opt-out: only the phone itself does, by START; the provider would refuse the text all the same.

use domain::{
    consent::{Consent, ConsentChange, ConsentEntry},
    phone::E164,
    workflow::Category,
};
use jiff::Timestamp;
use runtime::RoleError;
use serde::{Deserialize, Serialize};

use crate::{
    control::{Control, of_all_teams},
    error::ControlError,
    request::{Answer, Principal},
};

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

/// The longest of the texts of an entry, in characters.
const TEXT_CHARS_MAX: usize = 500;

impl Control {
    /// What is known of a number's consent.
    pub(crate) async fn show_consent(
        &self,
        principal: &Principal,
        number: &E164,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let consent = self.ports.consent.consent(number).await.map_err(RoleError::from)?;
        let entries = self.ports.consent.consent_log(number).await.map_err(RoleError::from)?;
        Ok(Answer::Consent { view: Box::new(self.view_of(&consent, entries)) })
    }

    /// Records a change.
    pub(crate) async fn record_consent(
        &self,
        principal: &Principal,
        new: NewConsent,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let now = self.ports.clock.now();
        let NewConsent { number, change, at, is_import, evidence, wording, channel } = new;
        let at = at.unwrap_or(now);
        let is_too_long = |text: &String| text.chars().count() > TEXT_CHARS_MAX;
        let unusable = if evidence.trim().is_empty() {
            Some("name the proof: what shows that it is so, and where it is kept".to_owned())
        } else if [&evidence, &wording, &channel].into_iter().any(is_too_long) {
            Some(format!("evidence, wording and channel have {TEXT_CHARS_MAX} characters at most"))
        } else if at > now {
            Some(format!("{at} is in the future"))
        } else {
            None
        };
        if let Some(unusable) = unusable {
            return Err(ControlError::Unusable(unusable));
        }
        let change = match change {
            RecordedChange::Grant(category) => ConsentChange::Grant(category),
            RecordedChange::Revoke(category) => ConsentChange::Revoke(category),
            RecordedChange::OptOut => ConsentChange::OptOut,
        };
        let (source, by) = (if is_import { "import" } else { "operator" }, principal.name.clone());
        let entry =
            ConsentEntry { number, change, at, source: source.to_owned(), evidence, wording, channel, by };
        self.ports.consent.record_consent(&entry).await.map_err(RoleError::from)?;
        telemetry::metrics().runs.consent_change(&entry);
        let (number, by) = (&entry.number, &entry.by);
        tracing::info!(to = %number, change = change.as_str(), source, by, "a change of consent was recorded");
        self.show_consent(principal, number).await
    }

    pub(crate) fn view_of(&self, consent: &Consent, entries: Vec<ConsentEntry>) -> ConsentView {
        let needs = self.ports.runs.grant_needs();
        let of = |is: &dyn Fn(Category) -> bool| Category::ALL.into_iter().filter(|c| is(*c)).collect();
        let line = |entry: ConsentEntry| {
            let ConsentEntry { at, change, source, evidence, wording, channel, by, .. } = entry;
            ConsentLine { at, change, source, evidence, wording, channel, by }
        };
        ConsentView {
            opted_out_since: consent.opted_out_since(),
            granted: of(&|category| consent.is_granted(category)),
            permitted: of(&|category| consent.permits(category, needs)),
            entries: entries.into_iter().map(line).collect(),
        }
    }
}
