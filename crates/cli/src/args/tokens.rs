//! The arguments of `callout tokens`.

use clap::{Args, Subcommand};
use domain::token::Grant;

#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Make a token, and show it this once.
    Create(TokensCreate),
    /// List tokens, without what makes them usable.
    List,
    /// End a token. What uses it is refused from the next request on.
    Revoke(TokensRevoke),
}

#[derive(Debug, Args)]
pub(crate) struct TokensCreate {
    /// Whose it is: the name that timelines show, for example `dashboard`.
    #[arg(long)]
    pub(crate) label: String,
    /// What it allows: read, read_texts (texts of messages as well), operate (changes as well), calendar (on-call shifts alone) or raise:TYPE (sending events
    /// of that type, for example raise:incident.*); may be repeated.
    #[arg(long = "scope", value_name = "SCOPE", default_value = "read")]
    pub(crate) scopes: Vec<Grant>,
    /// Whose runs it sees and changes, as `team` in workflows says; may be repeated. Without it, those of every team.
    #[arg(long = "team", value_name = "TEAM")]
    pub(crate) teams: Vec<String>,
    /// A software agent bears it: it decides nothing that a person must, whatever its scopes are. It may have read,
    /// raise:TYPE and the scopes of agents: observe, escalate, replay.
    #[arg(long)]
    pub(crate) agent: bool,
    /// After how long it allows nothing any more, for example 90d or 12h. Without it, it does not expire.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) expires: Option<jiff::Span>,
    /// Your name, as lists of tokens show it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

#[derive(Debug, Args)]
pub(crate) struct TokensRevoke {
    /// The id of the token, as `callout tokens list` shows it.
    pub(crate) id: String,
    /// Your name, as the log shows it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

fn parse_duration(text: &str) -> Result<jiff::Span, String> {
    let span: jiff::Span = text.parse().map_err(|_| "expected a duration such as 90d or 12h".to_owned())?;
    if span.is_positive() {
        Ok(span)
    } else {
        Err("expected a duration that is longer than nothing".to_owned())
    }
}
