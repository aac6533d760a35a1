//! What software agents may do on their own, and what they note. In: nothing. Out: the values.
//!
//! Never: decides; a run does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A step has been under way for at least this long, in seconds, before an agent may end it.
pub const ESCALATE_AFTER_S: u32 = 60;
/// Runs that one token of an agent opens through one workflow, at once after a rest and then within each hour, unless the workflow says otherwise.
pub const RAISES_HOURLY: u32 = 20;
/// The same about one subject.
pub const SUBJECT_RAISES_HOURLY: u32 = 3;
/// Observations of one run that are kept; further ones change nothing.
pub const OBSERVATIONS_MAX: usize = 16;

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
}

impl AgentPolicy {
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
    /// A text may have gone out before.
    #[error("it may have been sent before, and would go out twice")]
    DuplicatePossible,
    /// It is not among what agents may ask for.
    #[error("agents do not do that")]
    NotForAgents,
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
            Self::BudgetExhausted(_) => "budget_exhausted",
            Self::DuplicatePossible => "duplicate_possible",
        }
    }
}
