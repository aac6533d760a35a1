//! The arguments of `callout workflows`.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::runs::parse_since;

#[derive(Debug, Subcommand)]
pub(crate) enum Workflows {
    /// Show stage, runs, what became of texts and how fast, and what stands between each and its next stage.
    Status(WorkflowsStatus),
    /// Write the next stage into the workflow's file, from shadow to canary or from canary to live.
    ///
    /// Refused while something stands in the way, as `callout workflows status` shows it, unless --anyway. `callout
    /// reload` puts it in force; runs that are open keep the stage that they were opened with.
    Promote(Promote),
}

#[derive(Debug, Args)]
pub(crate) struct WorkflowsStatus {
    /// This workflow alone.
    pub(crate) workflow: Option<String>,
    /// Of runs opened at this time or later, or in so long: 7d, 2026-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_since)]
    pub(crate) since: Timestamp,
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The workflow.
    pub(crate) workflow: String,
    /// How many of 100 recipients the canary texts, where its file does not say so.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) percent: Option<u8>,
    /// What its runs are judged by: those opened at this time or later.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_since)]
    pub(crate) since: Timestamp,
    /// Whatever stands in the way.
    #[arg(long)]
    pub(crate) anyway: bool,
    /// Write it; without, it is said what would be written.
    #[arg(long)]
    pub(crate) yes: bool,
}
