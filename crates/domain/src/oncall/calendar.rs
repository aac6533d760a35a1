//! On call by a calendar. In: shifts that a calendar gives. Out: the one that holds.
//!
//! Never: reads iCalendar, or knows who the contacts are: `calendar_people` says whom an event means.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

    /// All of them, by when they begin.
    pub fn iter(&self) -> impl Iterator<Item = &CalendarShift> {
        self.0.iter()
    }

    /// How many end after a time.
    pub fn ahead(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|shift| now < shift.until).count()
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
}
