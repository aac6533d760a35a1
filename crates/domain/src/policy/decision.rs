//! A verdict with its rule and what the rule looked at. In: nothing. Out: the types, with the names that are stored.
//!
//! Never: decides.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the rules, stored with every decision. Raised when a rule's meaning changes.
pub const POLICY_VERSION: u16 = 3;

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// The environment's list of recipients does not have the number.
    #[serde(rename = "environment.allow_list")]
    EnvironmentAllowList,
    /// The workflow is in stage `shadow`.
    #[serde(rename = "stage.shadow")]
    StageShadow,
    /// The workflow is in stage `canary` and the number is not in it.
    #[serde(rename = "stage.canary")]
    StageCanary,
    /// A silence holds for the event.
    #[serde(rename = "silence.active")]
    Silenced,
    /// The number has opted out.
    #[serde(rename = "consent.opted_out")]
    OptedOut,
    /// The category needs a grant and there is none.
    #[serde(rename = "consent.not_granted")]
    NotGranted,
    /// It is quiet where the recipient is.
    #[serde(rename = "quiet_hours.active")]
    QuietHours,
    /// It is quiet, and the text would be stale when that ends.
    #[serde(rename = "quiet_hours.past_deadline")]
    QuietPastDeadline,
    /// It is quiet, and the workflow is urgent.
    #[serde(rename = "quiet_hours.urgent")]
    QuietUrgent,
    /// It is quiet for longer than a text of the workflow waits, and it is dropped.
    #[serde(rename = "quiet_hours.drop")]
    QuietDropped,
    /// It is quiet for longer than a text of the workflow waits, and the run goes on without it.
    #[serde(rename = "quiet_hours.escalate")]
    QuietEscalated,
    /// Where the recipient is cannot be known, and the workflow refuses such texts.
    #[serde(rename = "quiet_hours.zone_unknown")]
    QuietZoneUnknown,
    /// The event is no longer of use.
    #[serde(rename = "expiry.not_after")]
    NotAfter,
    /// A text of its group went to the recipient a short while ago.
    #[serde(rename = "group.held")]
    GroupHeld,
    /// Its subject opened and was resolved again and again.
    #[serde(rename = "group.flapping")]
    Flapping,
    /// The recipient has had as many texts of this workflow as one phone may get.
    #[serde(rename = "pace.recipient")]
    RecipientRate,
    /// The sender sends so many segments a second, and this one's turn comes later.
    #[serde(rename = "pace.sender")]
    SenderRate,
    /// Enough of what is being sent are retries.
    #[serde(rename = "retry.budget")]
    RetryBudget,
    /// No rule objects.
    #[serde(rename = "policy.passed")]
    Passed,
}

impl Rule {
    /// The rule's id, as stored and shown.
    pub fn id(self) -> &'static str {
        match self {
            Self::EnvironmentAllowList => "environment.allow_list",
            Self::StageShadow => "stage.shadow",
            Self::StageCanary => "stage.canary",
            Self::Silenced => "silence.active",
            Self::OptedOut => "consent.opted_out",
            Self::NotGranted => "consent.not_granted",
            Self::QuietHours => "quiet_hours.active",
            Self::QuietPastDeadline => "quiet_hours.past_deadline",
            Self::QuietUrgent => "quiet_hours.urgent",
            Self::QuietDropped => "quiet_hours.drop",
            Self::QuietEscalated => "quiet_hours.escalate",
            Self::QuietZoneUnknown => "quiet_hours.zone_unknown",
            Self::NotAfter => "expiry.not_after",
            Self::GroupHeld => "group.held",
            Self::Flapping => "group.flapping",
            Self::RecipientRate => "pace.recipient",
            Self::SenderRate => "pace.sender",
            Self::RetryBudget => "retry.budget",
            Self::Passed => "policy.passed",
        }
    }
}

/// What the rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may go out.
    Send,
    /// Not before this time.
    Defer(Timestamp),
    /// Not at all.
    Suppress,
    /// Not any more.
    Expire,
}

impl Verdict {
    /// Its name in metrics, as stored.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Defer(_) => "defer",
            Self::Suppress => "suppress",
            Self::Expire => "expire",
        }
    }
}

/// One verdict with its rule and what the rule looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: Rule,
    /// The facts it looked at, without numbers or text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// [`POLICY_VERSION`] at the time.
    pub policy: u16,
}

impl Decision {
    /// The verdict of the clock: the event's `not_after` has come.
    pub(crate) fn expire(not_after: Timestamp) -> Self {
        decision(Verdict::Expire, Rule::NotAfter, [("not_after", not_after.to_string())])
    }
}

/// A verdict of these rules, now.
pub(super) fn decision<'a>(
    verdict: Verdict,
    rule: Rule,
    inputs: impl IntoIterator<Item = (&'a str, String)>,
) -> Decision {
    let inputs = inputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Decision { verdict, rule, inputs, policy: POLICY_VERSION }
}
