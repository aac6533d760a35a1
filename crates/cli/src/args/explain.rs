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
