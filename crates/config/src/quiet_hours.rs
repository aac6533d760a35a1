//! When texts wait: `[quiet_hours]` of a workflow and of a category, and the calendars that they name. In: tables. Out: windows
//! that leave some of the week.
//!
//! Never: takes a window of no length, a date that does not exist, or windows without end.

use std::{collections::BTreeMap, path::Path};

use domain::{
    limits::NOT_AFTER_S_MAX,
    quiet_hours::{AfterWait, QuietHours, QuietWindow, WindowsByField},
    workflow::Category,
};
use jiff::civil::{Date, Time};

use crate::{
    problem::Problems,
    reader::{Document, Placed, Section},
    weekdays::read_weekdays,
    zone_check::check_zone,
};

/// The file of calendars.
pub(crate) const CALENDARS: &str = "calendars.toml";

/// The windows of calendars, by name.
pub(crate) type Calendars = BTreeMap<String, Vec<QuietWindow>>;

/// The quiet hours of workflows that set none, by category.
pub type QuietDefaults = BTreeMap<Category, QuietHours>;

/// The fields of the event that quiet hours look at, with their places.
#[derive(Debug, Default)]
pub(crate) struct QuietFields {
    /// The recipient's zone.
    pub(crate) zone: Option<Placed<String>>,
    /// The name of a calendar.
    pub(crate) calendar: Option<Placed<String>>,
}

/// What stands among the days of a window that holds on the dates of its calendar.
const HOLIDAY: &str = "holiday";
const TIME: &str = "a time of the day such as \"21:00\"";

pub(crate) fn read_calendars(path: &Path, text: &str, problems: &mut Problems) -> Calendars {
    let mut doc = Document::new(path, text, problems);
    let top = doc.parse();
    let sections = top.into_sections(&mut doc);
    sections.into_iter().map(|(name, section)| (name, read_calendar(&mut doc, section))).collect()
}

fn read_calendar(doc: &mut Document<'_>, mut section: Section<'_>) -> Vec<QuietWindow> {
    let (name, mut dates) = (section.name().to_owned(), Vec::new());
    for text in section.texts(doc, "dates") {
        match text.value.parse::<Date>() {
            Ok(date) => dates.push(date),
            Err(_) => {
                let message = format!(
                    "{name}.dates: there is no date {:?}; write one that exists, such as \"2026-12-25\"",
                    text.value
                );
                doc.problem(&text.at, message);
            }
        }
    }
    let (before, has_windows) = (doc.count(), section.has("window"));
    let mut windows: Vec<_> = section
        .sections(doc, "window")
        .into_iter()
        .flat_map(|mut window| {
            let read = read_window(doc, &mut window, Some(&dates));
            window.finish(doc);
            read
        })
        .collect();
    if !has_windows && dates.is_empty() && doc.count() == before && !section.has("dates") {
        section.missing("dates", format!("{name}: give dates, or windows, each written [[{name}.window]]"));
    }
    // Whole days, unless a window says which hours of them.
    if !dates.is_empty() && windows.iter().all(|window| window.dates.is_empty()) {
        let (start, end) = (Time::midnight(), Time::midnight());
        windows.push(QuietWindow { start, end, days: Vec::new(), dates, calendar: None });
    }
    section.finish(doc);
    windows.into_iter().map(|window| QuietWindow { calendar: Some(name.clone()), ..window }).collect()
}

/// The quiet hours of a workflow, and the fields that they look at.
pub(crate) fn read_of_workflow(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    calendars: &Calendars,
) -> (Option<QuietHours>, QuietFields) {
    let fields =
        QuietFields { zone: section.text(doc, "zone_field"), calendar: section.text(doc, "calendar_field") };
    if let Some(field) = fields.calendar.as_ref().filter(|_| calendars.is_empty()) {
        let message = format!("quiet_hours.calendar_field: no calendar is in {CALENDARS} that it could name");
        doc.unknown_name(&field.at, CALENDARS, message);
    }
    let by_field = fields
        .calendar
        .as_ref()
        .map(|field| WindowsByField { field: field.value.clone(), calendars: calendars.clone() });
    (read_quiet_hours(doc, section, calendars, by_field), fields)
}

/// `[quiet_hours.CATEGORY]` of the main file.
pub(crate) fn read_defaults(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    calendars: &Calendars,
) -> QuietDefaults {
    let Some(mut section) = top.section(doc, "quiet_hours") else { return QuietDefaults::new() };
    let mut defaults = QuietDefaults::new();
    for category in Category::ALL {
        let Some(of_category) = section.section(doc, category.as_str()) else { continue };
        defaults.extend(read_quiet_hours(doc, of_category, calendars, None).map(|hours| (category, hours)));
    }
    section.finish(doc);
    defaults
}

fn read_quiet_hours(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    calendars: &Calendars,
    by_field: Option<WindowsByField>,
) -> Option<QuietHours> {
    let (before, label, at) = (doc.count(), section.name().to_owned(), section.at.clone());
    let is_one = ["start", "end", "days"].iter().any(|key| section.has(key));
    let mut windows = if is_one { read_window(doc, &mut section, None) } else { Vec::new() };
    if !is_one && by_field.is_none() && ["window", "calendars"].iter().all(|key| !section.has(key)) {
        let message = format!("{label}: give start and end, or windows, each written [[{label}.window]]");
        section.missing("window", message);
    }
    for mut window in section.sections(doc, "window") {
        windows.extend(read_window(doc, &mut window, None));
        window.finish(doc);
    }
    for name in section.texts(doc, "calendars") {
        match calendars.get(&name.value) {
            Some(of_calendar) => windows.extend(of_calendar.iter().cloned()),
            None => {
                let message =
                    format!("{label}.calendars: no calendar is named {:?} in {CALENDARS}", name.value);
                doc.unknown_name(&name.at, CALENDARS, message);
            }
        }
    }
    let time_zone = read_zone(doc, &mut section);
    let urgent = section.boolean(doc, "urgent").unwrap_or(false);
    let (defer_at_most_s, then) = read_wait(doc, &mut section);
    section.finish(doc);
    let is_empty = windows.is_empty() && by_field.is_none();
    let hours = QuietHours { windows, by_field, time_zone, urgent, defer_at_most_s, then };
    if doc.count() == before && hours.are_endless() {
        let message = format!(
            "{label}: the windows cover the whole week, so no text would ever go out; leave some time between them"
        );
        doc.problem(&at, message);
    }
    (!is_empty).then_some(hours)
}

/// The zone of those whose own is not known; absent where they are refused.
fn read_zone(doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<String> {
    let label = section.label("zone_unknown");
    let unknown = section.text(doc, "zone_unknown");
    let is_refused = match unknown.as_ref().map_or("default", |text| text.value.as_str()) {
        "default" => false,
        "refuse" => true,
        other => {
            let at = unknown.as_ref().map_or(0..0, |text| text.at.clone());
            doc.problem(&at, format!("{label}: expected \"default\" or \"refuse\", not {other:?}"));
            return section.text(doc, "time_zone").map(|zone| zone.value);
        }
    };
    let zone =
        if is_refused { section.text(doc, "time_zone") } else { section.required_text(doc, "time_zone") };
    check_zone(doc, zone.as_ref());
    if let Some(zone) = zone.as_ref().filter(|_| is_refused) {
        doc.problem(&zone.at, format!("{label}: \"refuse\" needs no time_zone; leave one of them out"));
    }
    zone.map(|zone| zone.value)
}

/// How long a text waits at most, and what becomes of it then.
fn read_wait(doc: &mut Document<'_>, section: &mut Section<'_>) -> (Option<u32>, AfterWait) {
    let label = section.label("then");
    let has_limit = section.has("defer_at_most");
    let limit = section.seconds(doc, "defer_at_most", 1..NOT_AFTER_S_MAX + 1);
    let Some(text) = section.text(doc, "then") else { return (limit, AfterWait::default()) };
    let then = match text.value.as_str() {
        "drop" => Some(AfterWait::Drop),
        "escalate" => Some(AfterWait::Escalate),
        "digest" => Some(AfterWait::Digest),
        _ => None,
    };
    let wrong = match (then, text.value.as_str()) {
        // What waits for a digest waits until it is quiet no more, however long that is.
        (Some(AfterWait::Digest), _) => None,
        (Some(_), _) if has_limit => None,
        (Some(_), _) => {
            Some("says what follows defer_at_most, which is not there; give one such as \"12h\"".to_owned())
        }
        (None, other) => Some(format!("expected \"drop\", \"escalate\" or \"digest\", not {other:?}")),
    };
    if let Some(wrong) = wrong {
        doc.problem(&text.at, format!("{label}: {wrong}"));
    }
    (limit, then.unwrap_or_default())
}

/// One window: two where it holds on weekdays and on the dates of its calendar, none where it is wrong.
fn read_window(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    dates: Option<&[Date]>,
) -> Vec<QuietWindow> {
    let label = section.name().to_owned();
    for key in ["start", "end"] {
        if !section.has(key) {
            section.missing(key, format!("{label}.{key}: required, for example \"21:00\""));
        }
    }
    let days = read_weekdays(doc, section, "days", dates.map(|_| HOLIDAY));
    let start = section.value::<Time>(doc, "start", TIME);
    let end = read_end(doc, section);
    let (Some(start), Some(end)) = (start, end) else { return Vec::new() };
    if end.value.unwrap_or(Time::midnight()) == start.value
        && (end.value.is_some() || start.value != Time::midnight())
    {
        let message = format!(
            "{label}: start and end are the same time, which is never quiet; for a whole day write \"00:00\" and \"24:00\""
        );
        doc.problem(&end.at, message);
        return Vec::new();
    }
    let window = QuietWindow {
        start: start.value,
        end: end.value.unwrap_or(Time::midnight()),
        days: days.iter().copied().flatten().collect(),
        dates: Vec::new(),
        calendar: None,
    };
    let on_dates = dates.filter(|dates| days.contains(&None) && !dates.is_empty()).map(|dates| QuietWindow {
        days: Vec::new(),
        dates: dates.to_vec(),
        ..window.clone()
    });
    let on_days = (days.is_empty() || !window.days.is_empty()).then_some(window);
    on_days.into_iter().chain(on_dates).collect()
}

/// When a window ends: nothing within is `24:00`.
fn read_end(doc: &mut Document<'_>, section: &mut Section<'_>) -> Option<Placed<Option<Time>>> {
    let label = section.label("end");
    let text = section.text(doc, "end")?;
    if text.value == "24:00" {
        return Some(Placed { value: None, at: text.at });
    }
    let Ok(time) = text.value.parse() else {
        doc.problem(&text.at, format!("{label}: expected {TIME} or \"24:00\""));
        return None;
    };
    Some(Placed { value: Some(time), at: text.at })
}
