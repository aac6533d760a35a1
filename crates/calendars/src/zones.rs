//! Time zones of a calendar. In: its `VTIMEZONE`s and names. Out: zones.
//!
//! Never: asks the machine. A name of the IANA database is looked up there; any other, as Outlook writes them, is what its
//! `VTIMEZONE` says.

use std::collections::BTreeMap;

use domain::quiet_hours::zone;
use icalendar::parser::Component;
use jiff::tz::TimeZone;

/// What names lead to zones in a calendar.
pub(crate) struct Zones {
    /// The zone of days, and of times that name none.
    pub(crate) default: TimeZone,
    defined: BTreeMap<String, Option<TimeZone>>,
}

impl Zones {
    /// The zones that a calendar defines.
    pub(crate) fn of(calendar: &Component<'_>, default: &TimeZone) -> Self {
        let defined =
            calendar.components.iter().filter(|of| of.name.as_str().eq_ignore_ascii_case("VTIMEZONE"));
        let named = defined.filter_map(|of| Some((property(of, "TZID")?.to_owned(), defined_zone(of))));
        Self { default: default.clone(), defined: named.collect() }
    }

    /// One zone, and no names.
    pub(crate) fn only(default: &TimeZone) -> Self {
        Self { default: default.clone(), defined: BTreeMap::new() }
    }

    /// The zone with a name.
    pub(crate) fn named(&self, tzid: &str) -> Result<TimeZone, String> {
        let tzid = tzid.trim_matches('"').trim();
        // Some write a whole path, /example.com/20260105/Europe/Berlin.
        let parts: Vec<&str> = tzid.trim_start_matches('/').split('/').collect();
        let tails = (0..parts.len()).map(|from| parts[from..].join("/"));
        let known = tails.filter(|name| name.contains('/') || name == tzid).find_map(|name| zone(&name));
        known.or_else(|| self.defined.get(tzid).cloned().flatten()).ok_or_else(|| {
            format!(
                "the time zone {tzid:?} is not of the IANA database, and the calendar does not define it by yearly rules"
            )
        })
    }
}

fn property<'a>(of: &'a Component<'_>, name: &str) -> Option<&'a str> {
    let found = of.properties.iter().find(|property| property.name.as_str().eq_ignore_ascii_case(name));
    found.map(|property| property.val.as_str().trim())
}

/// A zone as a `VTIMEZONE` defines it: by the name of the IANA database that it gives, or by its rules of now.
fn defined_zone(of: &Component<'_>) -> Option<TimeZone> {
    if let Some(known) = property(of, "X-LIC-LOCATION").and_then(zone) {
        return Some(known);
    }
    let latest = |kind: &str| {
        let of_kind = of.components.iter().filter(|part| part.name.as_str().eq_ignore_ascii_case(kind));
        of_kind.max_by_key(|part| property(part, "DTSTART").unwrap_or_default().to_owned())
    };
    let standard = latest("STANDARD")?;
    let offset = |part: &Component<'_>| posix_offset(property(part, "TZOFFSETTO")?);
    let posix = match latest("DAYLIGHT") {
        Some(daylight) if property(daylight, "RRULE").is_some() => format!(
            "STD{}DST{},{},{}",
            offset(standard)?,
            offset(daylight)?,
            posix_rule(daylight)?,
            posix_rule(standard)?
        ),
        // A summer time that was given up is of the past.
        _ => format!("STD{}", offset(standard)?),
    };
    TimeZone::posix(&posix).ok()
}

/// `+0100` as POSIX has it, where east is negative.
fn posix_offset(text: &str) -> Option<String> {
    let (sign, rest) = (text.get(..1)?, text.get(1..)?);
    let sign = match sign {
        "+" => "-",
        "-" => "+",
        _ => return None,
    };
    let (hours, minutes) = (rest.get(..2)?.parse::<u8>().ok()?, rest.get(2..4)?.parse::<u8>().ok()?);
    Some(format!("{sign}{hours}:{minutes:02}"))
}

/// `FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3` and the time of `DTSTART`, as POSIX has them.
fn posix_rule(part: &Component<'_>) -> Option<String> {
    const DAYS: [&str; 7] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
    let rule = property(part, "RRULE")?.to_ascii_uppercase();
    let of = |key: &str| rule.split(';').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    if of("FREQ") != Some("YEARLY") || of("UNTIL").is_some() {
        return None;
    }
    let month: u8 = of("BYMONTH")?.parse().ok()?;
    let by_day = of("BYDAY")?;
    let (week, day) = by_day.split_at_checked(by_day.len().checked_sub(2)?)?;
    let day = DAYS.iter().position(|name| *name == day)?;
    let week = match week.trim_start_matches('+').parse::<i8>().ok()? {
        -1 => 5,
        week @ 1..=4 => week,
        _ => return None,
    };
    let start = property(part, "DTSTART")?;
    let (_, time) = start.split_once('T')?;
    let (hour, minute) = (time.get(..2)?.parse::<u8>().ok()?, time.get(2..4)?.parse::<u8>().ok()?);
    Some(format!("M{month}.{week}.{day}/{hour}:{minute:02}"))
}
