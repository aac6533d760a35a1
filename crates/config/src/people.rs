//! `contacts.toml` and `oncall.toml`. In: their text. Out: contacts, calendars, and rotations of contacts that exist.
//!
//! Never: accepts a number, a time zone or a name that is not valid.

use std::{collections::BTreeMap, path::Path};

use domain::{
    directory::Contact,
    limits::NUMBERS_PER_CONTACT_MAX,
    oncall::{OnCallHours, Rotation, TurnLength},
    phone::E164,
    quiet_hours::zone,
};
use jiff::{civil, tz::TimeZone};

use crate::{
    calendar::{Calendars, read_calendars},
    problem::Problems,
    reader::{Document, Section},
    team::read_team,
    weekdays::read_weekdays,
    zone_check::check_zone,
};

/// The file of people.
pub(crate) const CONTACTS: &str = "contacts.toml";
/// Most hours that one turn lasts: a year.
const HOURS_MAX: u32 = 366 * 24;
/// The file of rotations.
pub(crate) const ONCALL: &str = "oncall.toml";

pub(crate) fn read_contacts(path: &Path, text: &str, problems: &mut Problems) -> BTreeMap<String, Contact> {
    let mut doc = Document::new(path, text, problems);
    let top = doc.parse();
    let mut contacts = BTreeMap::new();
    for (id, mut section) in top.into_sections(&mut doc) {
        let name = section.text(&mut doc, "name").map_or_else(|| id.clone(), |name| name.value);
        let numbers = read_numbers(&mut doc, &mut section, &id);
        let time_zone = section.required_text(&mut doc, "time_zone");
        check_zone(&mut doc, time_zone.as_ref());
        let team = read_team(&mut doc, &mut section, &format!("{id}."));
        let email = read_email(&mut doc, &mut section, &id, &contacts);
        section.finish(&mut doc);
        if let (Some((number, more_numbers)), Some(time_zone)) = (numbers, time_zone) {
            contacts
                .insert(id, Contact { name, number, more_numbers, time_zone: time_zone.value, team, email });
        }
    }
    contacts
}

/// The address by which events of calendars mean a contact, and no other.
fn read_email(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    id: &str,
    others: &BTreeMap<String, Contact>,
) -> Option<String> {
    let email = section.text(doc, "email")?;
    let (user, host) = email.value.split_once('@').unwrap_or_default();
    if user.is_empty() || host.is_empty() || email.value.contains(char::is_whitespace) {
        doc.problem(&email.at, format!("{id}.email: expected an address such as \"ada@example.com\""));
    }
    let is_same = |other: &&Contact| {
        other.email.as_ref().is_some_and(|other| other.to_lowercase() == email.value.to_lowercase())
    };
    if others.values().any(|other| is_same(&other)) {
        doc.problem(&email.at, format!("{id}.email: another contact has it; events would mean both"));
    }
    Some(email.value)
}

/// `number`, or `numbers` in the order in which they are tried.
fn read_numbers(doc: &mut Document<'_>, section: &mut Section<'_>, id: &str) -> Option<(E164, Vec<E164>)> {
    let (has_one, has_several) = (section.has("number"), section.has("numbers"));
    if !has_one && !has_several {
        section.missing("number", format!("{id}.number: required, for example \"+14155550100\""));
    }
    let empty = section.empty_list("numbers");
    let number = section.parsed(doc, "number").map(|number| number.value);
    let mut numbers: Vec<E164> = Vec::new();
    let texts = section.texts(doc, "numbers");
    if let (Some(first), true) = (texts.first(), has_one) {
        let message = format!("{id}: give number or numbers, not both; the first of numbers is tried first");
        doc.problem(&first.at, message);
    }
    for text in &texts {
        match text.value.parse() {
            Ok(number) if numbers.contains(&number) => {
                doc.problem(&text.at, format!("{id}.numbers: a number is there twice"));
            }
            Ok(number) => numbers.push(number),
            Err(error) => doc.problem(&text.at, format!("{id}.numbers: {error}")),
        }
    }
    let most = texts.get(NUMBERS_PER_CONTACT_MAX).map(|text| text.at.clone());
    if let Some(at) = empty.or(most) {
        doc.problem(&at, format!("{id}.numbers: give 1 to {NUMBERS_PER_CONTACT_MAX} numbers"));
    }
    if number.is_some() {
        return number.map(|number| (number, Vec::new()));
    }
    let mut numbers = numbers.into_iter();
    numbers.next().map(|first| (first, numbers.collect()))
}

/// Rotations and calendars, by schedule and layer; of calendars also the lines that name variables with addresses.
pub(crate) type OnCall = (BTreeMap<(String, String), Vec<Rotation>>, (Calendars, BTreeMap<String, usize>));

pub(crate) fn read_on_call(
    path: &Path,
    text: &str,
    contacts: &BTreeMap<String, Contact>,
    problems: &mut Problems,
) -> OnCall {
    let mut doc = Document::new(path, text, problems);
    let mut top = doc.parse();
    let mut rotations: BTreeMap<(String, String), Vec<Rotation>> = BTreeMap::new();
    for mut section in top.sections(&mut doc, "rotation") {
        let at = section.at.clone();
        let Some((key, rotation)) = read_rotation(&mut doc, &mut section, contacts) else {
            section.finish(&mut doc);
            continue;
        };
        section.finish(&mut doc);
        let of_layer = rotations.entry(key.clone()).or_default();
        if let Some(overlap) = of_layer.iter().find_map(|other| other.overlap(&rotation)) {
            let zone = zone(&rotation.time_zone).unwrap_or(TimeZone::UTC);
            let message = format!(
                "schedule {:?} has two rotations for layer {:?} that hold at once, first at {}: give each its own hours \
                 (weekdays, from, until)",
                key.0,
                key.1,
                overlap.to_zoned(zone).strftime("%a %Y-%m-%d %H:%M %Z")
            );
            doc.problem(&at, message);
        }
        of_layer.push(rotation);
    }
    let calendars = read_calendars(&mut doc, &mut top, path);
    top.finish(&mut doc);
    (rotations, calendars)
}

fn read_rotation(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    contacts: &BTreeMap<String, Contact>,
) -> Option<((String, String), Rotation)> {
    let schedule = section.required_text(doc, "schedule");
    let layer = section.text(doc, "layer").map_or_else(|| "primary".to_owned(), |layer| layer.value);
    let time_zone = section.required_text(doc, "time_zone");
    check_zone(doc, time_zone.as_ref());
    if !section.has("start") {
        section.missing("start", "rotation.start: required, the first day of the first shift".to_owned());
    }
    let start = section.value::<civil::Date>(doc, "start", "a date such as 2026-01-31");
    let handover = section.value::<civil::Time>(doc, "handover", "a time of the day such as 09:00");
    let handover = handover.map_or(civil::time(9, 0, 0, 0), |time| time.value);
    let turn = read_turn(doc, section);
    let hours = read_hours(doc, section);
    let members = section.required_texts(doc, "members", "rotation.members: name at least one contact");
    for member in members.iter().filter(|member| !contacts.contains_key(&member.value)) {
        let message = format!("no contact is named {:?} in {CONTACTS}", member.value);
        doc.unknown_name(&member.at, CONTACTS, message);
    }
    let rotation = Rotation {
        time_zone: time_zone?.value,
        start: start?.value,
        handover,
        turn,
        members: members.into_iter().map(|member| member.value).collect(),
        hours,
    };
    Some(((schedule?.value, layer), rotation))
}

/// `days` or `hours`, a week by default.
fn read_turn(doc: &mut Document<'_>, section: &mut Section<'_>) -> TurnLength {
    let has_days = section.has("days");
    let hours = section.parsed_integer(doc, "hours", 1..HOURS_MAX);
    let days = section.integer(doc, "days", 1..366).unwrap_or(7);
    match hours {
        Some(hours) if has_days => {
            doc.problem(&hours.at, "rotation: give days or hours, not both".to_owned());
            TurnLength::Hours(hours.value as u16)
        }
        Some(hours) => TurnLength::Hours(hours.value as u16),
        None => TurnLength::Days(days as u16),
    }
}

/// When a rotation holds: `weekdays`, `from` and `until`.
fn read_hours(doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<OnCallHours> {
    const TIME: &str = "a time of the day such as 09:00";
    let weekdays: Vec<_> = read_weekdays(doc, section, "weekdays", None).into_iter().flatten().collect();
    let (from, until) = (section.value::<civil::Time>(doc, "from", TIME), section.value(doc, "until", TIME));
    match (from, until) {
        (Some(from), Some(until)) => Some(OnCallHours { weekdays, from: from.value, until: until.value }),
        (Some(one), None) | (None, Some(one)) => {
            doc.problem(&one.at, "rotation: from and until belong together".to_owned());
            None
        }
        // Whole days.
        (None, None) => {
            let midnight = civil::Time::midnight();
            (!weekdays.is_empty()).then_some(OnCallHours { weekdays, from: midnight, until: midnight })
        }
    }
}
