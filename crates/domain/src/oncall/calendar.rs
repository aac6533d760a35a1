//! On call by a calendar. In: shifts that a calendar gives. Out: the one that holds.
//!
//! Never: reads iCalendar, or knows who the contacts are: `calendar_people` says whom an event means.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plural::counted;

/// One time that an event of a calendar takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The `UID` of its event.
    pub uid: String,
    /// What the calendar shows.
    pub summary: String,
    /// Mail addresses of those who take part, without `mailto:`. Who declined is not among them.
    pub attendees: Vec<String>,
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

/// A shift that a calendar gives to a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarShift {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// The contact's name.
    pub contact: String,
}

/// The shifts of one calendar, in the order in which they are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalendarShifts(Vec<CalendarShift>);

impl CalendarShifts {
    /// Shifts in any order.
    pub fn new(mut shifts: Vec<CalendarShift>) -> Self {
        shifts.sort_by(|a, b| {
            (a.from, b.until).cmp(&(b.from, a.until)).then_with(|| b.contact.cmp(&a.contact))
        });
        Self(shifts)
    }

    /// The shift that holds at a time. Of several the one that began last, then the one that ends first, then the first
    /// contact by name: who puts a short event over a long one means the short one.
    pub fn at(&self, now: Timestamp) -> Option<&CalendarShift> {
        let begun = self.0.partition_point(|shift| shift.from <= now);
        self.0.get(..begun)?.iter().rev().find(|shift| now < shift.until)
    }

    /// Shifts of several people with the same beginning and end within a span, once for each set of people.
    pub fn clashes(&self, from: Timestamp, until: Timestamp) -> Vec<Clash> {
        let is_same = |a: &CalendarShift, b: &CalendarShift| (a.from, a.until) == (b.from, b.until);
        let mut clashes = BTreeMap::<Vec<&str>, Clash>::new();
        for shifts in self.0.chunk_by(is_same) {
            // In the order in which they count.
            let mut contacts: Vec<&str> = shifts.iter().rev().map(|shift| shift.contact.as_str()).collect();
            contacts.dedup();
            let Some(first) = shifts.first().filter(|of| from < of.until && of.from < until) else {
                continue;
            };
            if contacts.len() > 1 {
                let new = || Clash {
                    contacts: contacts.iter().map(|&contact| contact.to_owned()).collect(),
                    from: first.from,
                    until: first.until,
                    times: 0,
                };
                clashes.entry(contacts.clone()).or_insert_with(new).times += 1;
            }
        }
        clashes.into_values().collect()
    }

    /// All of them, by when they begin.
    pub fn iter(&self) -> impl Iterator<Item = &CalendarShift> {
        self.0.iter()
    }

    /// How many end after a time.
    pub fn ahead(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|shift| now < shift.until).count()
    }
}

/// Events of a calendar that put several people on call for exactly the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The contacts. The first counts.
    pub contacts: Vec<String>,
    /// The first instant of the first such time.
    pub from: Timestamp,
    /// The first instant after that.
    pub until: Timestamp,
    /// How often it happens within the time that was looked at.
    pub times: u32,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contacts, from, until, times } = self;
        let minute = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%MZ").to_string();
        write!(f, "{} have the same shift, {} to {}", contacts.join(" and "), minute(from), minute(until))?;
        if *times > 1 {
            write!(f, " and {} later", counted(times - 1, "time"))?;
        }
        write!(f, ": {} counts, the first by name", contacts.first().map_or("nobody", String::as_str))
    }
}

/// An event of a calendar that gives nobody a shift.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotTaken {
    /// The `UID` of its event.
    pub uid: String,
    /// What the calendar shows.
    pub summary: String,
    /// When it first takes place within the time that is looked at; absent where its time cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Why.
    pub why: String,
    /// How often it takes place from when it was read on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ahead: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_shifts_at_once_the_one_that_began_last_holds() {
        let shift = |contact: &str, from: i64, until: i64| CalendarShift {
            from: Timestamp::from_second(from).unwrap(),
            until: Timestamp::from_second(until).unwrap(),
            contact: contact.to_owned(),
        };
        let shifts = CalendarShifts::new(vec![
            shift("week", 0, 100),
            shift("hour", 50, 60),
            shift("long", 70, 90),
            shift("short", 70, 80),
            shift("other", 70, 80),
        ]);
        let at =
            |second| shifts.at(Timestamp::from_second(second).unwrap()).map(|shift| shift.contact.clone());
        let found: Vec<_> =
            [-1, 0, 49, 50, 59, 60, 70, 80, 90, 99, 100].map(|at_s| at(at_s).unwrap_or_default()).into();
        assert_eq!(found, ["", "week", "week", "hour", "hour", "week", "other", "long", "week", "week", ""]);
    }

    #[test]
    fn who_has_exactly_the_same_shift_as_another_is_named() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let shift = |contact: &str, from, until| CalendarShift {
            from: at(from),
            until: at(until),
            contact: contact.to_owned(),
        };
        let shifts = CalendarShifts::new(vec![
            shift("ben", 0, 60),
            shift("ada", 0, 60),
            shift("eve", 0, 50),
            shift("ben", 600, 660),
            shift("ada", 600, 660),
            shift("eve", 900, 960),
            shift("eve", 900, 960),
        ]);
        let clashes = shifts.clashes(at(0), at(1_000));
        let said: Vec<String> = clashes.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "ada and ben have the same shift, 1970-01-01 00:00Z to 1970-01-01 00:01Z and 1 time later: ada counts, the first \
              by name"
            ]
        );
        assert_eq!(shifts.at(at(0)).map(|of| of.contact.as_str()), Some("eve"));
        assert_eq!(shifts.at(at(600)).map(|of| of.contact.as_str()), Some("ada"), "as it is said");
        assert_eq!(shifts.clashes(at(700), at(1_000)), []);
    }
}
