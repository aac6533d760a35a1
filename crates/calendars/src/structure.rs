//! The lines of a calendar. In: its text. Out: the same without folds, if its components begin and end as they must, and
//! the lines that were left out.
//!
//! Never: hands the parser components within components without end.

use crate::read::Unreadable;

/// How deep components are within one another, at most: RFC 5545 has an alarm in an event in a calendar.
const DEPTH_MAX: usize = 8;

/// A text whose components begin and end as they must.
pub(crate) struct Prepared {
    /// Its calendars, each with one line for each property.
    pub(crate) calendars: Vec<String>,
    /// Lines that were left out, with what is wrong with them.
    pub(crate) passed_over: Vec<String>,
}

/// The text with one line for each property, checked from `BEGIN` to `END`. A line that is wrong by itself is left out.
pub(crate) fn prepared(text: &str) -> Result<Prepared, Unreadable> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if is_html(text) {
        return Err(Unreadable::Html);
    }
    let mut open: Vec<String> = Vec::new();
    let (mut lines, mut is_begun, mut last) = (Vec::<Line>::new(), false, 1);
    for (number, line) in (1..).zip(split(text)) {
        last = number;
        if let (Some(rest), Some(before)) = (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            before.text.push_str(rest);
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let error = |what: String| Err(Unreadable::Structure { line: number, what });
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let component = value.trim().to_ascii_uppercase();
        let (mut begins, mut is_outside) = (false, false);
        if name.eq_ignore_ascii_case("BEGIN") {
            if open.is_empty() && component != "VCALENDAR" {
                return Err(Unreadable::NotACalendar);
            }
            if open.len() >= DEPTH_MAX {
                return error(format!("components are more than {DEPTH_MAX} deep"));
            }
            (is_begun, begins) = (true, open.is_empty());
            open.push(component);
        } else if open.is_empty() {
            if !is_begun {
                return Err(Unreadable::NotACalendar);
            }
            is_outside = true;
        } else if name.eq_ignore_ascii_case("END") {
            let begun = open.pop().unwrap_or_default();
            if begun != component {
                return error(format!("END:{component} where {begun} began"));
            }
        }
        lines.push(Line { number, text: line.to_owned(), begins, is_outside });
    }
    if let Some(open) = open.last() {
        let what = format!("it ends before END:{open}: it was cut off");
        return Err(Unreadable::Structure { line: last, what });
    }
    if !is_begun {
        return Err(Unreadable::NotACalendar);
    }
    let mut prepared = Prepared { calendars: Vec::new(), passed_over: Vec::new() };
    for line in lines {
        if line.begins {
            prepared.calendars.push(String::new());
        }
        match (line.fault(), prepared.calendars.last_mut()) {
            (None, Some(calendar)) => calendar.extend([&*line.text, "\r\n"]),
            (fault, _) => {
                let what = fault.unwrap_or_default();
                prepared.passed_over.push(format!("line {}: {what}", line.number));
            }
        }
        if line.text.contains(char::REPLACEMENT_CHARACTER) {
            prepared.passed_over.push(format!("line {}: a character that is no UTF-8", line.number));
        }
    }
    Ok(prepared)
}

/// A line without its folds.
struct Line {
    /// From 1, of its first part.
    number: usize,
    text: String,
    /// Whether a calendar begins with it.
    begins: bool,
    /// Whether it is in no calendar.
    is_outside: bool,
}

impl Line {
    /// Why it is left out, if it is.
    fn fault(&self) -> Option<&'static str> {
        if self.is_outside {
            return Some("it is behind END:VCALENDAR");
        }
        let Some((name, _)) = self.text.split_once(':') else { return Some("a property without a colon") };
        let is_boundary = name.eq_ignore_ascii_case("BEGIN") || name.eq_ignore_ascii_case("END");
        if is_boundary {
            return None;
        }
        // What the parser does not take would end the reading of everything else.
        let alone = format!("BEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\n", self.text);
        icalendar::parser::read_components(&alone).is_err().then_some("it is no property")
    }
}

/// The lines of a text, whether they end with CR LF, as they must, or with one of the two.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('\r'))
}

fn is_html(text: &str) -> bool {
    let begin: String = text.chars().take(15).collect::<String>().to_ascii_lowercase();
    begin.starts_with("<!doctype html") || begin.starts_with("<html")
}
