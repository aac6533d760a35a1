//! The lines of a calendar. In: its text. Out: the same without folds, if its components begin and end as they must.
//!
//! Never: hands the parser components within components without end.

use crate::read::Unreadable;

/// How deep components are within one another, at most: RFC 5545 has an alarm in an event in a calendar.
const DEPTH_MAX: usize = 8;

/// The text with one line for each property, checked from `BEGIN` to `END`.
pub(crate) fn prepared(text: &str) -> Result<String, Unreadable> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if is_html(text) {
        return Err(Unreadable::Html);
    }
    let mut open: Vec<String> = Vec::new();
    let (mut lines, mut is_begun, mut last) = (Vec::<(usize, String)>::new(), false, 1);
    for (number, line) in (1..).zip(text.lines()) {
        last = number;
        if let (Some(rest), Some((_, before))) = (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            before.push_str(rest);
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        lines.push((number, line.to_owned()));
        let error = |what: String| Err(Unreadable::Structure { line: number, what });
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let component = value.trim().to_ascii_uppercase();
        if name.eq_ignore_ascii_case("BEGIN") {
            if open.is_empty() && component != "VCALENDAR" {
                return Err(Unreadable::NotACalendar);
            }
            if open.len() >= DEPTH_MAX {
                return error(format!("components are more than {DEPTH_MAX} deep"));
            }
            is_begun = true;
            open.push(component);
        } else if open.is_empty() {
            return Err(Unreadable::NotACalendar);
        } else if name.eq_ignore_ascii_case("END") {
            let begun = open.pop().unwrap_or_default();
            if begun != component {
                return error(format!("END:{component} where {begun} began"));
            }
        }
    }
    if let Some(open) = open.last() {
        let what = format!("it ends before END:{open}: it was cut off");
        return Err(Unreadable::Structure { line: last, what });
    }
    if !is_begun {
        return Err(Unreadable::NotACalendar);
    }
    if let Some((line, _)) = lines.iter().find(|(_, line)| !line.contains(':')) {
        return Err(Unreadable::Structure { line: *line, what: "a property without a colon".to_owned() });
    }
    Ok(lines.into_iter().fold(String::with_capacity(text.len()), |text, (_, line)| text + &line + "\r\n"))
}

fn is_html(text: &str) -> bool {
    let begin: String = text.chars().take(15).collect::<String>().to_ascii_lowercase();
    begin.starts_with("<!doctype html") || begin.starts_with("<html")
}
