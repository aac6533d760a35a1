//! What decisions are made from. In: nothing. Out: the types.
//!
//! Never: knows a rule.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    consent::{Consent, GrantNeeds},
    directory::Recipient,
    phone::E164,
    silence::Silence,
    workflow::WorkflowDefinition,
};

/// Where callout runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Its name, for example `staging`.
    pub name: String,
    /// Who may be texted here; everybody when absent.
    pub allow_recipients: Option<BTreeSet<E164>>,
    /// Which categories take a grant.
    pub grant_needs: GrantNeeds,
}

/// What a decision says of the silence that holds for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldingSilence {
    /// Its id.
    pub id: String,
    /// The first instant after it.
    pub until: Timestamp,
    /// Why it was made.
    pub why: String,
}

impl From<&Silence> for HoldingSilence {
    fn from(silence: &Silence) -> Self {
        Self { id: silence.id(), until: silence.until, why: silence.why.clone() }
    }
}

/// What a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct PolicyInput<'a> {
    /// What the text is for.
    pub workflow: &'a WorkflowDefinition,
    /// Where we run.
    pub environment: &'a Environment,
    /// Whom it goes to.
    pub recipient: &'a Recipient,
    /// What they agreed to.
    pub consent: &'a Consent,
    /// The fields of the event.
    pub data: &'a Map<String, Value>,
    /// Since when the text waits for quiet hours to end; absent where it does not.
    pub waits_since: Option<Timestamp>,
    /// The silence that holds for the event, if one does.
    pub silence: Option<&'a HoldingSilence>,
    /// When the event stops being of use.
    pub not_after: Timestamp,
    /// The present.
    pub now: Timestamp,
}
