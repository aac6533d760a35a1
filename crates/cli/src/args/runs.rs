//! The arguments of `callout runs`.

use clap::{Args, Subcommand, ValueEnum};
use domain::limits::LIST_MAX;

use crate::{args::values::number, bulk::BulkArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List runs, latest first.
    List(RunsList),
    /// Show one run: its messages, and everything that happened to it, in order.
    Show(RunShow),
    /// Say why a run went as it did: who was texted by which step, each verdict with its rule and what the rule looked at,
    /// what limits and the provider said, and why it ended.
    Explain {
        /// The id of the run, as `callout runs list` shows it, or its beginning.
        #[arg(value_name = "RUN")]
        id: String,
    },
    /// Acknowledge a run, so that nobody else is notified.
    Ack(RunChange),
    /// Settle held texts: say whether they were sent.
    Settle(Box<Settle>),
    /// Have a run move on to its next step now, also one that somebody has acknowledged.
    Escalate(RunChange),
    /// End a run without sending another text.
    Cancel(RunChange),
}

#[derive(Debug, Args)]
pub(crate) struct Settle {
    /// The id of the run, as `callout runs list --held` shows it, or its beginning.
    #[arg(required_unless_present = "all", value_name = "RUN")]
    pub(crate) id: Option<String>,
    /// Whether its held text was sent.
    #[arg(value_enum)]
    pub(crate) verdict: Option<ReviewAnswer>,
    /// Settle every held text, or every one of `--workflow`.
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only held texts of this workflow.
    #[arg(long, requires = "all")]
    pub(crate) workflow: Option<String>,
    /// The same as `sent`.
    #[arg(long)]
    pub(crate) sent: bool,
    /// The same as `not-sent`.
    #[arg(long)]
    pub(crate) not_sent: bool,
    /// The number of the text; needed if several texts of the run are held.
    #[arg(long, value_name = "N", conflicts_with = "all", value_parser = number::<u16>(1..=u64::from(u16::MAX)))]
    pub(crate) message: Option<u16>,
    /// The message SID of a text that was sent; its status is then followed.
    #[arg(long, value_name = "SID", conflicts_with = "all", value_parser = twilio::message_sid)]
    pub(crate) sid: Option<domain::provider::ProviderMessageId>,
    #[command(flatten)]
    pub(crate) bulk: BulkArgs,
    /// Your name, as the timeline shows it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

/// Whether a held text was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewAnswer {
    /// It was sent.
    Sent,
    /// It was not sent; it is sent now if it is still wanted.
    NotSent,
}

#[derive(Debug, Args)]
pub(crate) struct RunsList {
    /// Only runs in this phase: active, acknowledged, completed, resolved, exhausted, suppressed, expired, cancelled.
    #[arg(long, value_parser = parse_phase)]
    pub(crate) phase: Option<domain::run::RunPhase>,
    /// Only runs of this workflow.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// Only runs with held messages, which an operator must settle.
    #[arg(long)]
    pub(crate) held: bool,
    /// Only runs that are active, or have a message that is not final or is held.
    #[arg(long)]
    pub(crate) unfinished: bool,
    /// Only runs that the event with this id opened, of any source.
    #[arg(long, value_name = "ID")]
    pub(crate) event: Option<String>,
    /// Only runs about this subject.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Only runs with a message to this number, for example +14155550101.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) to: Option<domain::phone::E164>,
    /// Only runs with a message to the number of this hash, as the log shows it with CALLOUT_RECIPIENT_KEY.
    #[arg(long, value_name = "HASH")]
    pub(crate) to_hash: Option<domain::recipient_hash::RecipientHash>,
    /// Only runs opened since this time, for example 2026-01-31T09:30:00Z, or for so long, for example 2h or 3d.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Only runs opened before this time, or before so long ago.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) until: Option<jiff::Timestamp>,
    /// Only runs that events of this source opened.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Start after this run: the last one of the page before.
    #[arg(long, value_name = "RUN")]
    pub(crate) after: Option<domain::id::RunId>,
    /// List at most this many; 1000 is the most.
    #[arg(long, default_value_t = 50, value_parser = number::<u16>(1..=u64::from(LIST_MAX)))]
    pub(crate) max: u16,
}

#[derive(Debug, Args)]
pub(crate) struct RunShow {
    /// The id of the run, as `callout runs list` shows it, or its beginning.
    #[arg(value_name = "RUN")]
    pub(crate) id: String,
    /// Show the texts of its messages as well.
    #[arg(long)]
    pub(crate) reveal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunChange {
    /// The id of the run, as `callout runs list` shows it, or its beginning.
    #[arg(value_name = "RUN")]
    pub(crate) id: String,
    /// Your name, as the timeline shows it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

/// A time, or how long ago it was.
pub(crate) fn parse_since(text: &str) -> Result<jiff::Timestamp, String> {
    let now = ports::Clock::now(&ports::SystemClock);
    let wrong = || "expected a time such as 2026-01-31T09:30:00Z, or a duration such as 2h or 3d".to_owned();
    domain::time::time_or_ago(text, now).ok_or_else(wrong)
}

fn parse_phase(text: &str) -> Result<domain::run::RunPhase, String> {
    domain::run::RunPhase::ALL.into_iter().find(|phase| phase.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = domain::run::RunPhase::ALL.iter().map(|phase| phase.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}
