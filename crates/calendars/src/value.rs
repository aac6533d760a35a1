//! Times as calendars write them. In: the value of a property and its parameters. Out: a time of some zone.
//!
//! Never: takes a time of an unknown zone as one of another.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use crate::zones::Zones;

/// A time of a zone, or a whole day of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    pub(crate) civil: DateTime,
    pub(crate) is_day: bool,
    pub(crate) zone: TimeZone,
}

impl Moment {
    /// A value such as `20260105`, `20260105T090000` or `20260105T090000Z`.
    pub(crate) fn read(value: &str, tzid: Option<&str>, zones: &Zones) -> Result<Self, String> {
        let value = value.trim();
        let unreadable = || format!("{value:?} is no time");
        let (day, time) = value.split_once(['T', 't']).map_or((value, None), |(day, time)| (day, Some(time)));
        let date = date(day).ok_or_else(unreadable)?;
        let Some(time) = time else {
            return Ok(Self {
                civil: date.to_datetime(Time::midnight()),
                is_day: true,
                zone: zones.default.clone(),
            });
        };
        let (time, is_utc) = time.strip_suffix(['Z', 'z']).map_or((time, false), |time| (time, true));
        let civil = date.to_datetime(clock(time).ok_or_else(unreadable)?);
        let zone = match (is_utc, tzid) {
            (true, _) => TimeZone::UTC,
            (false, Some(tzid)) => zones.named(tzid)?,
            (false, None) => zones.default.clone(),
        };
        Ok(Self { civil, is_day: false, zone })
    }

    /// Its instant. A local time that is skipped counts by the clock before, and of two equal ones the first, as with
    /// handovers of rotations.
    pub(crate) fn at(&self) -> Result<Timestamp, String> {
        let zoned = self.zone.to_ambiguous_zoned(self.civil).compatible();
        zoned.map(|zoned| zoned.timestamp()).map_err(|_| format!("{} is out of range", self.civil))
    }

    /// The local time of an instant, in its zone.
    pub(crate) fn civil_of(&self, at: Timestamp) -> DateTime {
        at.to_zoned(self.zone.clone()).datetime()
    }
}

fn digits(text: &str) -> Option<[i16; 3]> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let len = text.len();
    let is_digits = len >= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then_some(())?;
    Some([number(0..len - 4)?, number(len - 4..len - 2)?, number(len - 2..len)?])
}

fn date(text: &str) -> Option<Date> {
    let [year, month, day] = digits(text).filter(|_| text.len() == 8)?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn clock(text: &str) -> Option<Time> {
    let [hour, minute, second] = digits(text).filter(|_| text.len() == 6)?;
    let [hour, minute, second] = [hour, minute, second].map(|part| i8::try_from(part).unwrap_or(-1));
    // RFC 5545 allows the leap second.
    Time::new(hour, minute, second.min(59), 0).ok()
}
