//! What software agents may do on their own, and what they note. In: nothing. Out: the values.
//!
//! Never: decides; a run does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::provider::ProviderMessageId;

/// A step has been under way for at least this long, in seconds, before an agent may end it.
pub const ESCALATE_AFTER_S: u32 = 60;
/// Runs that one token of an agent opens through one workflow, at once after a rest and then within each hour, unless the workflow says otherwise.
pub const RAISES_HOURLY: u32 = 20;
/// The same about one subject.
pub const SUBJECT_RAISES_HOURLY: u32 = 3;
/// Observations of one run that are kept; further ones change nothing.
pub const OBSERVATIONS_MAX: usize = 16;

/// How long an agent holds a step at most, in seconds, unless the workflow says otherwise.
pub const HOLD_MAX_S: u32 = 600;
/// The longest that a workflow may let an agent hold a step, in seconds.
pub const HOLD_LONGEST_S: u32 = 3_600;
/// Texts of recipients that a run remembers for agents.
pub const REPLIES_MAX: usize = 16;
/// Characters of a recipient's text that are kept for agents.
pub const UNTRUSTED_CHARS_MAX: usize = 320;

/// How far agents may do something on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentMay {
    /// A person decides on each.
    #[default]
    Approve,
    /// They may, within the limits that hold for them.
    Auto,
    /// They may not.
    Never,
}

/// What agents may do with a workflow, as it says in `[agents]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentPolicy {
    /// To open runs, with a token that allows its type of events.
    pub raise: AgentMay,
    /// To have a run move on to its next step early.
    pub escalate: AgentMay,
    /// Runs that one token opens through it within an hour; [`RAISES_HOURLY`] where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_max: Option<u32>,
    /// How long a person has to decide on what an agent asks for, in seconds;
    /// [`APPROVAL_EXPIRES_S`](crate::approval::APPROVAL_EXPIRES_S) where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_expires_s: Option<u32>,
    /// What an agent's acknowledgement does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ack: AgentAck,
    /// How long it holds the next step at most, in seconds; [`HOLD_MAX_S`] where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_max_s: Option<u32>,
    /// Whether it does so in the critical lane, too.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hold_critical: bool,
    /// Whether the texts of recipients are kept, for agents whose tokens allow to read them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reply_texts: bool,
}

/// What an agent's acknowledgement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentAck {
    /// It is noted.
    #[default]
    Observe,
    /// It is noted, and holds the next step for a while, once.
    Hold,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl AgentPolicy {
    /// Where agents may do nothing: the policy of a workflow that is not configured.
    pub fn never() -> Self {
        Self { raise: AgentMay::Never, escalate: AgentMay::Never, ..Self::default() }
    }

    /// Whether a workflow says nothing of agents.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Why an agent noted a run. A closed list: what it could write freely would be read by others as an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// It looks into it.
    Investigating,
    /// It found the cause.
    CauseFound,
    /// It believes that nothing needs to be done.
    LooksHarmless,
    /// It cannot help.
    CannotHelp,
}

impl Observation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Investigating, Self::CauseFound, Self::LooksHarmless, Self::CannotHelp];

    /// Its name, as agents give it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Investigating => "investigating",
            Self::CauseFound => "cause_found",
            Self::LooksHarmless => "looks_harmless",
            Self::CannotHelp => "cannot_help",
        }
    }
}

/// What one agent noted of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The label of its token.
    pub by: String,
    /// What it noted.
    pub note: Observation,
}

/// An agent holds a step of a run for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentHold {
    /// Which start of a step, from 0.
    pub start: u16,
    /// Until when its deadline does not count.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub until: Timestamp,
}

/// What a text of a recipient was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyClass {
    /// It acknowledged the run, or handed it on, with its code or without.
    AckCodeValid,
    /// It was an opt-out.
    Stop,
    /// It asked for help.
    Help,
    /// It was anything else.
    Other,
}

impl ReplyClass {
    /// Its name, as agents read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AckCodeValid => "ack_code_valid",
            Self::Stop => "stop",
            Self::Help => "help",
            Self::Other => "other",
        }
    }
}

/// What is kept of a text of a recipient, for agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenReply {
    /// Its name at the provider.
    pub sid: ProviderMessageId,
    /// The message that it is about.
    pub message: u16,
    /// When it was taken.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// What it was.
    pub class: ReplyClass,
    /// How many characters it had.
    pub chars: u32,
    /// What it said, cleaned and cut; absent where the workflow does not keep it, and once texts are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What somebody outside wrote, without characters that nobody sees, and cut to [`UNTRUSTED_CHARS_MAX`].
pub fn cleaned(text: &str) -> String {
    // Controls, and characters that change the order of others or hide among them.
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}')
            || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.filter(|c| !is_hidden(*c)).take(UNTRUSTED_CHARS_MAX).collect()
}

/// Why an agent does not do something on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgentRefusal {
    /// The workflow does not let agents.
    #[error("its workflow does not let agents do that")]
    Never,
    /// A person decides.
    #[error("a person decides on that")]
    NeedsApproval,
    /// The step began a moment ago.
    #[error("its step began a moment ago: not before {0}")]
    Cooldown(Timestamp),
    /// It has ended, or somebody took it on.
    #[error("it does not page any more")]
    NotPaging,
    /// There is no step after this one.
    #[error("its last step is under way")]
    NoMoreSteps,
    /// Whom its texts go to would be the agent's choice.
    #[error("its texts go to a number in the event's fields, and an agent chooses no recipient")]
    RecipientInFields,
    /// It would end runs that others opened.
    #[error("it would resolve what others opened, and an agent ends no escalation of theirs")]
    ResolvesOthers,
    /// So many were raised lately.
    #[error("what its token may raise is used up: not before {0}")]
    BudgetExhausted(Timestamp),
    /// So many were raised about one subject lately.
    #[error("what its token may raise about this subject is used up: not before {0}")]
    SubjectBudgetExhausted(Timestamp),
    /// A text may have gone out before.
    #[error("it may have been sent before, and would go out twice")]
    DuplicatePossible,
    /// It is not among what agents may ask for.
    #[error("agents do not do that")]
    NotForAgents,
    /// Somebody stopped it, or all agents.
    #[error("this agent is stopped; a person lets it go on")]
    Stopped,
    /// A person said no to it.
    #[error("a person decided against it")]
    Denied,
    /// So many of its approvals wait.
    #[error(
        "{} of its approvals wait for a person; wait until some are decided, or expire",
        crate::approval::APPROVALS_PENDING_MAX
    )]
    ApprovalsPending,
}

impl AgentRefusal {
    /// A word that does not change, by which an agent knows that it should stop.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Never | Self::NotForAgents => "not_allowed",
            Self::NeedsApproval => "needs_approval",
            Self::Cooldown(_) => "cooldown",
            Self::NotPaging => "not_paging",
            Self::NoMoreSteps => "no_more_steps",
            Self::RecipientInFields => "recipient_in_fields",
            Self::ResolvesOthers => "resolves_others",
            Self::BudgetExhausted(_) | Self::SubjectBudgetExhausted(_) => "budget_exhausted",
            Self::Stopped => "stopped",
            Self::Denied => "denied",
            Self::ApprovalsPending => "approvals_pending",
            Self::DuplicatePossible => "duplicate_possible",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_outside_wrote_loses_what_nobody_sees() {
        assert_eq!(cleaned("on my way"), "on my way");
        assert_eq!(cleaned("a\r\n\u{7}b\u{202e}c\u{200b}d\u{e0041}\u{feff}"), "a  bcd");
        assert_eq!(cleaned(&"ä".repeat(400)).chars().count(), 320);
    }

    #[test]
    fn what_was_stored_before_reads_back_and_says_no_more() {
        let stored = r#"{"raise":"auto","escalate":"approve","hourly_max":8}"#;
        let policy: AgentPolicy = serde_json::from_str(stored).unwrap();
        assert_eq!((policy.ack, policy.hold_max_s, policy.reply_texts), (AgentAck::Observe, None, false));
        assert_eq!(serde_json::to_string(&policy).unwrap(), stored);
    }
}
