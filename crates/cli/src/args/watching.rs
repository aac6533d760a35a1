//! The arguments of what an operator watches with, and of erasure.

use clap::Args;
use domain::effect::OutcomeKind;

use crate::args::{runs::parse_since, values, values::number};

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print it again and again, until Ctrl-C.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Seconds between two looks.
    #[arg(long, default_value_t = 2, requires = "watch", value_parser = number::<u16>(1..=3_600))]
    pub(crate) every: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Erase {
    /// The number, for example +14155550101.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) recipient: domain::phone::E164,
    /// Also erase runs that ended within the last seven days.
    #[arg(long)]
    pub(crate) also_recent: bool,
    /// Show what would go, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Confirm it; without it nothing is changed.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Your name, as the log shows it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Only outcomes of this type, for example run.escalated; may be repeated.
    #[arg(long = "type", value_name = "TYPE", value_parser = values::outcome)]
    pub(crate) kinds: Vec<OutcomeKind>,
    /// Only outcomes of runs of this workflow.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// Only outcomes of runs that events of this source opened.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Only outcomes of runs about this subject.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Begin with the oldest outcome that is kept, and not with the next one.
    #[arg(long)]
    pub(crate) history: bool,
    /// Exit once what is kept was read, instead of waiting for more.
    #[arg(long, requires = "history")]
    pub(crate) no_follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Look at runs opened since this time, or for so long, for example 30m.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_since)]
    pub(crate) since: jiff::Timestamp,
    /// Lines of each list.
    #[arg(long, default_value_t = 10, value_parser = number::<u16>(1..=1_000))]
    pub(crate) max: u16,
}
