//! From events to the times at which they take place. In: events. Out: occurrences within a span.
//!
//! Never: goes on without end: a rule is followed over so many recurrences at most.
//!
//! Rules are followed in local time, as if it were that of a zone without clock changes; each recurrence is then a local
//! time, and has its instant by the zone. So an event at 09:00 is at 09:00 in summer and in winter, as a handover is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime as ChronoTime, Datelike as _, NaiveDate, TimeZone as _, Timelike as _};
use domain::{limits::CALENDAR_SHIFTS_MAX, oncall::calendar::Occurrence};
use icalendar::parser::Component;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};

use crate::{
    event::{End, Event},
    read::{Read, Span, Unreadable, VAIN_MAX, WORK_MAX},
    value::Moment,
    zones::Zones,
};

/// The longest event that is found by a recurrence that began before the span: two years.
const LONGEST: SignedDuration = SignedDuration::from_hours(2 * 366 * 24);
/// Most recurrences of a rule from its beginning on: eleven years of hours.
const RECURRENCES_MAX: usize = 100_000;
/// What is said of a rule such as the 30th of each February.
const NEVER: &str = "it never recurs";

/// What was done for a calendar so far.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Events whose rule never recurs.
    vain: usize,
    /// Recurrences that were followed.
    recurrences: usize,
}

/// Which recurrence of an event another one stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Recurrence {
    /// That of this instant.
    At(Timestamp),
    /// The first of this day, whatever its time.
    On(Date),
}

impl Recurrence {
    fn of(moment: &Moment) -> Result<Self, String> {
        Ok(if moment.is_day { Self::On(moment.civil.date()) } else { Self::At(moment.at()?) })
    }
}

/// Events that stand for recurrences of others, by the `UID` of those.
type Instead = BTreeMap<(String, Recurrence), Event>;

/// Adds what a calendar says.
pub(crate) fn add(
    calendar: &Component<'_>,
    default: &TimeZone,
    span: Span,
    work: &mut Work,
    read: &mut Read,
) -> Result<(), Unreadable> {
    let zones = Zones::of(calendar, default);
    // What a message of cancellation holds takes place no more.
    if says(calendar, "METHOD", "CANCEL") {
        return Ok(());
    }
    let (mut events, mut instead) = (Vec::new(), Instead::new());
    let mut revisions = BTreeMap::new();
    for component in &calendar.components {
        match component.name.as_str().to_ascii_uppercase().as_str() {
            "VEVENT" => {}
            "VTIMEZONE" | "VALARM" => continue,
            other => {
                read.pass_over(format!("{other} is not read, only VEVENT"));
                continue;
            }
        }
        let found = Event::read(component, &zones)
            .and_then(|event| Ok((event.instead_of.as_ref().map(Recurrence::of).transpose()?, event)));
        match found {
            Ok((Some(recurrence), event)) => {
                let key = (event.uid.clone(), recurrence);
                if instead.get(&key).is_none_or(|other| other.sequence <= event.sequence) {
                    instead.insert(key, event);
                }
            }
            Ok((None, event)) => {
                let latest = revisions.entry(event.uid.clone()).or_insert(event.sequence);
                *latest = event.sequence.max(*latest);
                events.push(event);
            }
            Err(why) => read.pass_over(named(&Event::name(component), &why)),
        }
    }
    // Of the revisions of an event the last counts (RFC 5545, section 3.8.7.4). What has no name cannot be revised.
    let is_latest =
        |event: &Event| event.uid.is_empty() || revisions.get(&event.uid) == Some(&event.sequence);
    for event in events.into_iter().filter(|event| !event.is_cancelled && is_latest(event)) {
        if let Err(why) = add_event(&event, span, &mut instead, work, read)? {
            work.vain += usize::from(why.ends_with(NEVER));
            if work.vain > VAIN_MAX {
                return Err(Unreadable::Vain);
            }
            read.pass_over(named(&(event.uid, event.summary), &why));
        }
        if work.recurrences > WORK_MAX {
            return Err(Unreadable::Work);
        }
    }
    // Those whose recurrence is not in the calendar, which may hold a part of what there is.
    for event in instead.into_values().filter(|event| !event.is_cancelled) {
        match occurrence(&event, &event.start, None) {
            Ok(found) => keep(found, span, read)?,
            Err(why) => read.pass_over(named(&(event.uid, event.summary), &why)),
        }
    }
    Ok(())
}

fn says(calendar: &Component<'_>, name: &str, value: &str) -> bool {
    let mut of_name =
        calendar.properties.iter().filter(|property| property.name.as_str().eq_ignore_ascii_case(name));
    of_name.any(|property| property.val.as_str().trim().eq_ignore_ascii_case(value))
}

fn named((uid, summary): &(String, String), why: &str) -> String {
    format!("event {uid:?} ({summary:?}): {why}")
}

/// Adds the recurrences of an event. The outer error ends the reading, the inner is about this event.
fn add_event(
    event: &Event,
    span: Span,
    instead: &mut Instead,
    work: &mut Work,
    read: &mut Read,
) -> Result<Result<(), String>, Unreadable> {
    let starts = match starts(event, span, work) {
        Ok(starts) => starts,
        Err(why) => return Ok(Err(why)),
    };
    let days: BTreeSet<_> = event.except.iter().filter(|at| at.is_day).map(|at| at.civil.date()).collect();
    let except: Result<BTreeSet<Timestamp>, String> = event.except.iter().map(Moment::at).collect();
    let except = match except {
        Ok(except) => except,
        Err(why) => return Ok(Err(why)),
    };
    let mut seen = BTreeSet::new();
    for (start, end) in starts {
        let found = start.at().and_then(|at| {
            let is_excepted = except.contains(&at) || days.contains(&start.civil.date());
            if !seen.insert(at) || is_excepted {
                return Ok(None);
            }
            let mut other = |recurrence| instead.remove(&(event.uid.clone(), recurrence));
            match other(Recurrence::At(at)).or_else(|| other(Recurrence::On(start.civil.date()))) {
                Some(other) if other.is_cancelled => Ok(None),
                Some(other) => occurrence(&other, &other.start, None).map(Some),
                None => occurrence(event, &start, end).map(Some),
            }
        });
        match found {
            Ok(Some(found)) => keep(found, span, read)?,
            Ok(None) => {}
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Ok(()))
}

fn keep(found: Occurrence, span: Span, read: &mut Read) -> Result<(), Unreadable> {
    if found.from < span.until && span.from < found.until {
        if read.occurrences.len() >= CALENDAR_SHIFTS_MAX {
            return Err(Unreadable::TooMany);
        }
        read.occurrences.push(found);
    }
    Ok(())
}

/// When an event begins, with the ends that a list gives.
fn starts(event: &Event, span: Span, work: &mut Work) -> Result<Vec<(Moment, Option<End>)>, String> {
    let mut starts = vec![(event.start.clone(), None)];
    for rule in &event.rules {
        let recurrences =
            recurrences(rule, &event.start, span, work).map_err(|why| format!("RRULE {rule}: {why}"))?;
        starts.extend(recurrences.into_iter().map(|civil| (Moment { civil, ..event.start.clone() }, None)));
    }
    starts.extend(event.more.iter().map(|listed| (listed.start.clone(), listed.end.clone())));
    Ok(starts)
}

/// The local times of a rule that may matter within the span.
fn recurrences(rule: &str, start: &Moment, span: Span, work: &mut Work) -> Result<Vec<DateTime>, String> {
    let (until, rest): (Vec<&str>, Vec<&str>) =
        rule.split(';').filter(|part| !part.is_empty()).partition(|part| key_is(part, "UNTIL"));
    for key in ["COUNT", "INTERVAL"] {
        let value = rest.iter().find(|part| key_is(part, key)).and_then(|part| part.split_once('='));
        if value.is_some_and(|(_, value)| value.trim().parse() == Ok(0)) {
            return Err(format!("{key} is 0: it is 1 at least"));
        }
    }
    let of_library = |error: rrule::RRuleError| error.to_string();
    let mut rrule: RRule<Unvalidated> = rest.join(";").parse().map_err(of_library)?;
    if let Some(until) = until.first().and_then(|part| part.split_once('=')) {
        rrule = rrule.until(chrono_of(last(until.1, start)?)?);
    }
    let validated = rrule.validate(chrono_of(start.civil)?).map_err(of_library)?;
    let from = start.civil_of(span.from.checked_sub(LONGEST).unwrap_or(span.from));
    let until = start.civil_of(span.until);
    let set = RRuleSet::new(chrono_of(start.civil)?).rrule(validated).limit();
    let (mut found, mut recurs) = (Vec::new(), false);
    // The library's own limit counts what it looks at in vain between two recurrences.
    for (number, at) in set.into_iter().enumerate() {
        recurs = true;
        work.recurrences += 1;
        let civil = civil_of_chrono(&at)?;
        if civil >= until {
            break;
        }
        if work.recurrences > WORK_MAX {
            break;
        }
        if number >= RECURRENCES_MAX {
            return Err(format!("has more than {RECURRENCES_MAX} recurrences before now: begin it later"));
        }
        if civil >= from {
            found.push(civil);
        }
    }
    if recurs { Ok(found) } else { Err(NEVER.to_owned()) }
}

fn key_is(part: &str, key: &str) -> bool {
    part.split_once('=').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(key))
}

/// The last local time of a rule. A day counts to its end.
fn last(value: &str, start: &Moment) -> Result<DateTime, String> {
    let zones = Zones::only(&start.zone);
    let until = Moment::read(value, None, &zones)?;
    if until.is_day {
        return Ok(until.civil.date().at(23, 59, 59, 0));
    }
    Ok(start.civil_of(until.at()?))
}

fn occurrence(event: &Event, start: &Moment, end: Option<End>) -> Result<Occurrence, String> {
    let from = start.at()?;
    let until = match end.as_ref().unwrap_or(&event.end) {
        End::At(listed) if end.is_some() => listed.at()?,
        End::At(first) => {
            let later = start.civil.duration_since(event.start.civil);
            let civil = first.civil.checked_add(later).map_err(|_| "ends out of range".to_owned())?;
            Moment { civil, ..first.clone() }.at()?
        }
        End::After(duration) => {
            let from = start.zone.to_ambiguous_zoned(start.civil).compatible();
            let until = from.and_then(|from| from.checked_add(*duration));
            until.map_err(|_| "ends out of range".to_owned())?.timestamp()
        }
    };
    if until <= from {
        return Err("ends before it begins".to_owned());
    }
    let Event { uid, summary, attendees, .. } = event.clone();
    Ok(Occurrence { uid, summary, attendees, from, until })
}

fn chrono_of(at: DateTime) -> Result<ChronoTime<Tz>, String> {
    let part = |part: i8| u32::try_from(part).unwrap_or_default();
    NaiveDate::from_ymd_opt(at.year().into(), part(at.month()), part(at.day()))
        .and_then(|day| day.and_hms_opt(part(at.hour()), part(at.minute()), part(at.second())))
        .map(|naive| Tz::UTC.from_utc_datetime(&naive))
        .ok_or_else(|| format!("{at} is out of range"))
}

fn civil_of_chrono(at: &ChronoTime<Tz>) -> Result<DateTime, String> {
    let part = |part: u32| i8::try_from(part).unwrap_or_default();
    let out_of_range = || format!("{at} is out of range");
    let year = i16::try_from(at.year()).map_err(|_| out_of_range())?;
    let day = jiff::civil::Date::new(year, part(at.month()), part(at.day())).map_err(|_| out_of_range())?;
    Ok(day.at(part(at.hour()), part(at.minute()), part(at.second()), 0))
}
