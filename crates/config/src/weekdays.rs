//! Lists of weekdays. In: a list of texts. Out: days, each once.
//!
//! Never: takes a day by any name but its short one.

use domain::weekday::DayOfWeek;

use crate::reader::{Document, Placed, Section};

/// The days of a list, each with its place. `other` is a word that may stand there beside them, and is `None` then.
pub(crate) fn read_weekdays(
    doc: &mut Document<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    other: Option<&str>,
) -> Vec<Option<DayOfWeek>> {
    let label = section.label(key);
    let mut days = Vec::new();
    for Placed { value, at } in section.texts(doc, key) {
        let named = DayOfWeek::ALL.into_iter().find(|day| day.as_str() == value);
        if named.is_none() && other != Some(&value) {
            let names: Vec<_> = DayOfWeek::ALL.map(DayOfWeek::as_str).into_iter().chain(other).collect();
            doc.problem(&at, format!("{label}: expected some of {}, not {value:?}", names.join(", ")));
        } else if days.contains(&named) {
            doc.problem(&at, format!("{label}: {value} is there twice"));
        } else {
            days.push(named);
        }
    }
    days
}
