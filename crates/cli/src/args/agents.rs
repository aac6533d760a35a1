//! The arguments of `callout approvals` and `callout agents`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Approvals {
    /// List what agents asked for, latest first.
    List(ApprovalsList),
    /// Show what an agent asked for, with what would be sent and to whom.
    Show {
        /// Its id, as `callout approvals list` prints it.
        id: String,
    },
    /// Approve it: it is done at once, if it still may be and is what was shown.
    ///
    /// Refused where the policy, the run or what would be sent has changed since; the agent may ask again.
    Approve(Decision),
    /// Deny it. The agent is told that a person said no.
    Deny(Decision),
}

#[derive(Debug, Args)]
pub(crate) struct ApprovalsList {
    /// Those that are over, too.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Decision {
    /// Its id, as `callout approvals list` prints it.
    pub(crate) id: String,
    /// Why, for others to read.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) why: String,
    /// Your name, as the log shows it. Who asked does not decide.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agents {
    /// List the agents: their tokens, when they were used last if the process that answers knows, and what is stopped.
    List,
    /// Stop an agent, or all: whatever they ask for is refused, with their next request in every process.
    Stop {
        /// The label of its tokens; all agents without it.
        label: Option<String>,
        /// Why, for others to read.
        #[arg(long, default_value = "", hide_default_value = true)]
        why: String,
        /// Your name, as the log shows it.
        #[arg(long, env = "USER", default_value = "operator")]
        by: String,
    },
    /// Let an agent go on that was stopped by its label or, without a label, take the stop of all back.
    Start {
        /// The label of its tokens.
        label: Option<String>,
        /// Your name, as the log shows it.
        #[arg(long, env = "USER", default_value = "operator")]
        by: String,
    },
}
