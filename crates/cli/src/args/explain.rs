//! The arguments of `callout explain`, `callout messages` and `callout test-page`.

use clap::Args;
use domain::{limits::LIST_MAX, phone::E164};
use jiff::{SignedDuration, Timestamp};

use super::{oncall::parse_time, runs::parse_since, values::number};

#[derive(Debug, Args)]
#[group(id = "whom", required = true, multiple = false)]
pub(crate) struct Whom {
    /// The owner of this number, for example +14155550101.
    #[arg(long, value_name = "NUMBER", group = "whom")]
    pub(crate) recipient: Option<E164>,
    /// The contact with this name in contacts.toml.
    #[arg(long, value_name = "NAME", group = "whom")]
    pub(crate) contact: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// Around this time, for example 2026-01-31T09:30:00Z, 2h (ago), or "2026-01-31 18:00" in this machine's zone; now without it.
    #[arg(long, value_name = "TIME", value_parser = parse_past)]
    pub(crate) at: Option<Timestamp>,
    /// How long before and after that time to look, for example 30m; two weeks at most.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) window: SignedDuration,
}

#[derive(Debug, Args)]
pub(crate) struct Messages {
    /// The number, for example +14155550101.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) to: E164,
    /// Only texts of runs opened since this time, for example 2026-01-31T09:30:00Z, or for so long, for example 2h or 3d.
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(crate) since: Option<Timestamp>,
    /// List at most this many; 1000 is the most.
    #[arg(long, default_value_t = 50, value_parser = number::<u16>(1..=u64::from(LIST_MAX)))]
    pub(crate) max: u16,
}

#[derive(Debug, Args)]
pub(crate) struct TestPage {
    /// The contact, by the name in contacts.toml.
    pub(crate) contact: String,
    /// How long to wait for the receipt, and for the reply; an hour at most.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_wait)]
    pub(crate) wait: SignedDuration,
    /// Ask for no reply, and be content with the receipt.
    #[arg(long)]
    pub(crate) no_reply: bool,
    /// Your name, as the log shows it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

fn parse_wait(text: &str) -> Result<SignedDuration, String> {
    let longest = SignedDuration::from_secs(i64::from(control::TEST_PAGE_WITHIN_S_MAX));
    let parsed = text.parse::<SignedDuration>().ok();
    let within = parsed.filter(|wait| *wait >= SignedDuration::from_secs(1) && *wait <= longest);
    within.ok_or_else(|| "expected a duration such as 90s or 5m, from a second to an hour".to_owned())
}

/// A time that is usually past: as it is, how long ago it was, or in this machine's zone.
fn parse_past(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| {
        "expected a time such as 2026-01-31T09:30:00Z, a duration such as 2h for so long ago, or a date and a time such as \
         \"2026-01-31 18:00\""
            .to_owned()
    };
    parse_since(text).or_else(|_| parse_time(text)).map_err(wrong)
}

fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let longest = SignedDuration::from_hours(14 * 24);
    let parsed = text.parse::<SignedDuration>().ok();
    let within = parsed.filter(|duration| duration.is_positive() && *duration <= longest);
    within.ok_or_else(|| "expected a duration such as 30m or 12h, of two weeks at most".to_owned())
}
