//! The arguments of `callout oncall`.

use clap::{Args, Subcommand};
use jiff::{Timestamp, civil, tz::TimeZone};
use ports::{Clock as _, SystemClock};

#[derive(Debug, Subcommand)]
pub(crate) enum OnCall {
    /// Show who is on call now, in every layer of every schedule.
    Now {
        /// At this time instead, for example 2026-01-31T09:30:00Z, 8h (from now), or \"2026-01-31 18:00\" in this machine's zone.
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        at: Option<Timestamp>,
    },
    /// Show the shifts of schedules, gaps included, and their overrides.
    Show(OnCallShow),
    /// Have somebody take over for a while. Runs that have texted nobody of the layer yet text them.
    Override(OnCallOverride),
    /// Give two people each other's next shift.
    Swap(OnCallSwap),
    /// Print shifts as a calendar (iCalendar), for a calendar program: of schedules, or of one person.
    Calendar(OnCallCalendar),
    /// Show what a calendar (iCalendar) would put on call: shifts, events that mean nobody, parts that cannot be read.
    Import(OnCallImport),
    /// Take an override back.
    Undo {
        /// Its id, as `callout oncall show` prints it.
        id: String,
        /// Your name, as the log shows it.
        #[arg(long, env = "USER", default_value = "operator")]
        by: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OnCallShow {
    /// The schedule, or SCHEDULE/LAYER; all of them without it.
    #[arg(value_parser = parse_layer)]
    pub(crate) layer: Option<Layer>,
    /// From when on; now without it.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// For how many days.
    #[arg(long, default_value_t = 14, value_parser = crate::args::values::number::<u16>(1..=366))]
    pub(crate) days: u16,
}

#[derive(Debug, Args)]
pub(crate) struct OnCallCalendar {
    /// The schedule, or SCHEDULE/LAYER; all of them without it.
    #[arg(value_parser = parse_layer)]
    pub(crate) layer: Option<Layer>,
    /// Only this person's shifts, by the name in contacts.toml.
    #[arg(long, value_name = "CONTACT")]
    pub(crate) contact: Option<String>,
    /// For how many days.
    #[arg(long, default_value_t = 90, value_parser = crate::args::values::number::<u16>(1..=366))]
    pub(crate) days: u16,
}

#[derive(Debug, Args)]
pub(crate) struct OnCallImport {
    /// A file, or an address that begins with https:// or webcal://.
    #[arg(value_name = "FILE|URL")]
    pub(crate) from: String,
    /// The schedule, whose primary layer is meant, or SCHEDULE/LAYER: its zone is that of days without one.
    #[arg(long, value_name = "SCHEDULE", value_parser = parse_layer)]
    pub(crate) schedule: Layer,
    /// Change nothing. Required: what is taken for good is named by [[calendar]] in oncall.toml.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OnCallOverride {
    /// The schedule, whose primary layer is meant, or SCHEDULE/LAYER.
    #[arg(value_parser = parse_layer)]
    pub(crate) layer: Layer,
    /// Who takes over, by the name in contacts.toml.
    pub(crate) contact: String,
    /// From when on; now without it.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// Until when: a time, or for how long from now, for example 8h.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Timestamp,
    /// Why, for others to read.
    #[arg(long, value_parser = parse_why)]
    pub(crate) why: String,
    /// Your name, as lists and the log show it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

#[derive(Debug, Args)]
pub(crate) struct OnCallSwap {
    /// The schedule, whose primary layer is meant, or SCHEDULE/LAYER.
    #[arg(value_parser = parse_layer)]
    pub(crate) layer: Layer,
    /// One of the two, by the name in contacts.toml.
    pub(crate) one: String,
    /// The other one.
    pub(crate) other: String,
    /// Their next shifts after this time; after now without it.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) after: Option<Timestamp>,
    /// Why, for others to read.
    #[arg(long, value_parser = parse_why)]
    pub(crate) why: String,
    /// Your name, as lists and the log show it.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

/// A schedule and, where it was named, one of its layers.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) schedule: String,
    pub(crate) layer: Option<String>,
}

/// A reason: what is blank says nothing to others.
fn parse_why(text: &str) -> Result<String, String> {
    let why = text.trim();
    if why.is_empty() { Err("say why, for others to read".to_owned()) } else { Ok(why.to_owned()) }
}

fn parse_layer(text: &str) -> Result<Layer, String> {
    let named = text.strip_prefix("oncall:").unwrap_or(text);
    let (schedule, layer) = named.split_once('/').map_or((named, None), |(s, layer)| (s, Some(layer)));
    let is_name = |name: &str| !name.is_empty() && !name.contains(|c: char| c == '/' || c.is_whitespace());
    if is_name(schedule) && layer.is_none_or(is_name) {
        Ok(Layer { schedule: schedule.to_owned(), layer: layer.map(str::to_owned) })
    } else {
        Err("expected SCHEDULE or SCHEDULE/LAYER, for example platform/secondary".to_owned())
    }
}

/// A time: with its zone, how long from now, or a date and a time in this machine's zone.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let now = SystemClock.now();
    let ahead = text.parse::<jiff::Span>().ok().filter(|span| span.is_positive());
    if let Some(at) = ahead.and_then(|span| now.to_zoned(TimeZone::UTC).checked_add(span).ok()) {
        return Ok(at.timestamp());
    }
    let local = text.parse::<jiff::Zoned>().ok();
    let local = local.or_else(|| text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::system()).ok());
    local.map(|at| at.timestamp()).ok_or_else(|| {
        "expected a time such as 2026-01-31T09:30:00Z, a duration from now such as 8h, or a date and a time such as \
         \"2026-01-31 18:00\""
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_given_in_several_ways() {
        let at = |text: &str| parse_time(text).map(|at| at.to_string());
        assert_eq!(at("2026-01-31T09:30:00Z").as_deref(), Ok("2026-01-31T09:30:00Z"));
        assert_eq!(at("2026-01-31T18:00[Europe/Berlin]").as_deref(), Ok("2026-01-31T17:00:00Z"));
        assert!(at("2026-01-31 18:00").is_ok() && at("8h").is_ok() && at("2d").is_ok());
        for wrong in ["", "soon", "-8h", "18:00", "2026-02-30 18:00"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_layer_is_named_as_in_a_step() {
        let read = |text: &str| parse_layer(text).map(|layer| (layer.schedule, layer.layer));
        assert_eq!(read("platform"), Ok(("platform".into(), None)));
        assert_eq!(read("oncall:platform/secondary"), Ok(("platform".into(), Some("secondary".into()))));
        assert!(read("").is_err() && read("/").is_err());
    }
}
