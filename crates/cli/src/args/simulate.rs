//! The arguments of `callout simulate`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::oncall::parse_time;

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The workflow, by its name.
    #[arg(long)]
    pub(crate) workflow: String,
    /// The events: a JSON array of CloudEvents, or one on each line, each with its time.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: PathBuf,
    /// Only events that happen at this time or later.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// What becomes of texts, one JSON object on each line; the first that fits counts. Conditions: event, to (a name or a
    /// number), step. Outcomes: delivered_after, undelivered_after, acknowledged_after, as durations such as 90s.
    #[arg(long, value_name = "FILE")]
    pub(crate) outcomes: Option<PathBuf>,
    /// Another main configuration file, whose workflow of that name, people and rotations are compared: prints what differs.
    #[arg(long, value_name = "CONFIG")]
    pub(crate) against: Option<PathBuf>,
}
