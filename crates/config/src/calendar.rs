//! `[[calendar]]` of `oncall.toml`. In: its keys. Out: calendars of layers.
//!
//! Never: holds the address of one, which is a secret: it names the variable that the address is in.

use std::{collections::BTreeMap, path::Path};

use domain::{
    directory::{Calendar, CalendarSource},
    limits::{CALENDAR_REFRESH_S_DEFAULT, CALENDAR_REFRESH_S_MAX, CALENDAR_REFRESH_S_MIN},
};
use url::Url;

use crate::{
    destination_address::is_local,
    reader::{Document, Section},
    zone_check::check_zone,
};

/// Calendars by schedule and layer.
pub(crate) type Calendars = BTreeMap<(String, String), Calendar>;

/// Reads the calendars of a file. Also returns the lines that name variables with addresses, by the variable.
pub(crate) fn read_calendars(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    path: &Path,
) -> (Calendars, BTreeMap<String, usize>) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut calendars, mut lines) = (Calendars::new(), BTreeMap::new());
    for mut section in top.sections(doc, "calendar") {
        let at = section.at.clone();
        let read = read_calendar(doc, &mut section, folder, &mut lines);
        section.finish(doc);
        let Some((key, calendar)) = read else { continue };
        if calendars.contains_key(&key) {
            let (schedule, layer) = &key;
            let message = format!(
                "schedule {schedule:?} has two calendars for layer {layer:?}; put their events into one, or give one its own layer"
            );
            doc.problem(&at, message);
        }
        calendars.insert(key, calendar);
    }
    (calendars, lines)
}

fn read_calendar(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    folder: &Path,
    lines: &mut BTreeMap<String, usize>,
) -> Option<((String, String), Calendar)> {
    let at = section.at.clone();
    let schedule = section.required_text(doc, "schedule");
    let layer = section.text(doc, "layer").map_or_else(|| "primary".to_owned(), |layer| layer.value);
    let time_zone = section.required_text(doc, "time_zone");
    check_zone(doc, time_zone.as_ref());
    let (file, variable) = (section.text(doc, "file"), section.text(doc, "url_env"));
    let allow_private = section.boolean(doc, "allow_private").unwrap_or_default();
    let refresh_s = section
        .seconds(doc, "refresh", CALENDAR_REFRESH_S_MIN..CALENDAR_REFRESH_S_MAX + 1)
        .unwrap_or(CALENDAR_REFRESH_S_DEFAULT);
    if section.has("url") {
        let url = section.text(doc, "url")?;
        let message = "calendar.url: the address of a calendar holds a secret; put it into an environment variable and \
                       name that: url_env = \"CALLOUT_CALENDAR_URL\"";
        doc.problem(&url.at, message.to_owned());
        return None;
    }
    let source = match (file, variable) {
        (Some(file), None) => CalendarSource::File(folder.join(file.value)),
        (None, Some(variable)) => {
            lines.extend(doc.line(&variable.at).map(|line| (variable.value.clone(), line)));
            CalendarSource::UrlIn { variable: variable.value, allow_private }
        }
        (Some(file), Some(_)) => {
            doc.problem(&file.at, "calendar: give file or url_env, not both".to_owned());
            return None;
        }
        (None, None) => {
            let message = "calendar: give file, or url_env with the variable that holds the address";
            doc.problem(&at, message.to_owned());
            return None;
        }
    };
    let calendar = Calendar { time_zone: time_zone?.value, source, refresh_s, shifts: None };
    Some(((schedule?.value, layer), calendar))
}

/// The address of a calendar as people write it.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub fn address(text: &str) -> Result<Url, &'static str> {
    // Calendar programs write it so; what is behind it is the same.
    let text =
        text.strip_prefix("webcal://").map_or_else(|| text.to_owned(), |rest| format!("https://{rest}"));
    let url: Url = text.parse().map_err(|_| "is no address; it begins with https://")?;
    match url.scheme() {
        "https" => {}
        "http" if is_local(url.host()) => {}
        _ => return Err("must begin with https:// (or webcal://); plain http is for this machine only"),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no host");
    }
    Ok(url)
}
