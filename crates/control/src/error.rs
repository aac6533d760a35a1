//! Why a request was not carried out.

use domain::{agent::AgentRefusal, approval::ApprovalRefusal, id::RunId, token::Scope};
use runtime::RoleError;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The principal may not do that.
    #[error("{name} lacks the scope {scope}")]
    Forbidden {
        /// Who asked.
        name: String,
        /// What the request takes.
        scope: Scope,
    },
    /// An agent may not do that on its own.
    #[error("{0}")]
    Agent(AgentRefusal),
    /// It is not approved.
    #[error("{0}")]
    Approval(ApprovalRefusal),
    /// There is no such approval.
    #[error("no approval {0}; `callout approvals list` shows those there are")]
    NoApproval(String),
    /// No token has the label.
    #[error("no token has the label {0:?}; `callout agents list` shows the agents there are")]
    NoAgent(String),
    /// It is not stopped.
    #[error("{0} is not stopped; `callout agents list` shows what is")]
    NotStopped(String),
    /// What is of no team is for those who are limited to none.
    #[error("{0} is limited to teams, and this is about the whole installation")]
    OfAllTeams(String),
    /// Somebody changed the run since the caller saw it.
    #[error("run {run} was changed since: it is at version {version} now")]
    Changed {
        /// The run.
        run: RunId,
        /// Its version now.
        version: u64,
    },
    /// Only who has the machine may hand out access, or see and erase all that is held about a person.
    #[error("that is asked for on the machine that callout runs on, and not with a token")]
    NotLocal,
    /// A token that is in force has the label, and is limited to other teams.
    #[error(
        "token {id} is in force with the label {label:?} and other teams; choose another label, or revoke it first"
    )]
    LabelOfOthers {
        /// The label.
        label: String,
        /// The token that has it.
        id: String,
    },
    /// Hashes of recipients are not made.
    #[error(
        "this installation hashes no recipients: set CALLOUT_RECIPIENT_KEY in every process, and restart them"
    )]
    NoRecipientKey,
    /// Outcome events are not kept.
    #[error("no stream of outcomes is kept here: give [api] listen in callout.toml, and run the role api")]
    NoStream,
    /// There is no such token.
    #[error("no token {0}; `callout tokens list` shows those there are")]
    NoToken(String),
    /// There is no such run.
    #[error("no run {0}; `callout runs list` shows those there are")]
    NotFound(RunId),
    /// There is no such dead letter.
    #[error("no dead letter {0}; `callout dlq list` shows those there are")]
    NoDeadLetter(String),
    /// Nothing of it waits for an operator.
    #[error("no such text of run {0} is held; `callout runs list --held` shows those that are")]
    NothingToReview(RunId),
    /// It must be said which of them is meant.
    #[error("the texts {numbers:?} of run {run} are held; name one with --message")]
    SeveralToReview {
        /// The run.
        run: RunId,
        /// Their numbers.
        numbers: Vec<u16>,
    },
    /// There is no such schedule or layer.
    #[error("{0}")]
    NoSchedule(String),
    /// There is no such contact.
    #[error("{0}")]
    NoContact(String),
    /// There is no such override.
    #[error("no override {0} that has not ended; `callout oncall show` lists those there are")]
    NoOverride(String),
    /// There is no such silence.
    #[error("no silence {0} that has not ended; `callout silence list` shows those there are")]
    NoSilence(String),
    /// What was asked for cannot be.
    #[error("{0}")]
    Unusable(String),
    /// A port failed.
    #[error(transparent)]
    Role(#[from] RoleError),
}
