//! The arguments of `callout silence`.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::oncall::parse_time;

#[derive(Debug, Subcommand)]
pub(crate) enum SilenceCommand {
    /// Have nobody texted about some events for a while: for maintenance, or while something known is mended.
    ///
    /// Their runs open all the same, and say which silence held. What can be resolved (resolved_by in its workflow) and was not by
    /// the end of the silence pages then. In force within five seconds.
    Add(SilenceAdd),
    /// List the silences that have not ended.
    List,
    /// End a silence now; what waits for its end goes on.
    End {
        /// Its id, as `callout silence list` prints it.
        id: String,
        /// Your name, as the log shows it.
        #[arg(long, env = "USER", default_value = "operator")]
        by: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SilenceAdd {
    /// Events of this workflow.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// Events from this source.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Events with a subject of this pattern, for example "disk/db-*".
    #[arg(long, value_name = "PATTERN")]
    pub(crate) subject: Option<String>,
    /// Events with this text in this field, for example severity=low or host.name=db-*; may be repeated.
    #[arg(long = "field", value_name = "PATH=PATTERN", value_parser = parse_field)]
    pub(crate) fields: Vec<(String, String)>,
    /// From when on; now without it.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// Until when: a time, or for how long from now, for example 2h.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Timestamp,
    /// Why, for those who miss a page.
    #[arg(long)]
    pub(crate) why: String,
    /// Your name, as timelines and the log show it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

fn parse_field(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(path, _)| !path.is_empty());
    let (path, pattern) =
        parts.ok_or_else(|| "expected PATH=PATTERN, for example severity=low".to_owned())?;
    Ok((path.to_owned(), pattern.to_owned()))
}
