//! Reads a TOML file key by key. It continues after an error, so that all errors are reported at once.
//!
//! In: a file's text. Out: typed values; problems for what is missing, mistyped or unknown.
//! Never: stops at the first error, or ignores an unknown key.

use std::{ops::Range, path::Path, str::FromStr};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::problem::Problems;

/// One file being read.
pub(crate) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    problems: &'a mut Problems,
}

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub(crate) struct Placed<T> {
    /// The value as read.
    pub(crate) value: T,
    /// Its place in the file, in bytes.
    pub(crate) at: Range<usize>,
}

/// A table of the file, from which keys are taken one by one.
pub(crate) struct Section<'t> {
    name: String,
    table: DeTable<'t>,
    asked: Vec<&'static str>,
    /// Its place in the file, in bytes.
    pub(crate) at: Range<usize>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(path: &'a Path, text: &'a str, problems: &'a mut Problems) -> Self {
        Self { path, text, problems }
    }

    /// The file's top table, as far as it is valid TOML.
    pub(crate) fn parse(&mut self) -> Section<'a> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().unwrap_or(0..0);
            self.problem(&at, error.message().to_owned());
        }
        Section { name: String::new(), table: table.into_inner(), asked: Vec::new(), at: 0..0 }
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, at: &Range<usize>) -> Option<usize> {
        self.text.get(..at.start).map(|before| before.matches('\n').count() + 1)
    }

    /// Reports a problem at a place.
    pub(crate) fn problem(&mut self, at: &Range<usize>, message: String) {
        self.problems.add(self.path, self.line(at), message);
    }

    /// Reports a name that another file does not have.
    pub(crate) fn unknown_name(&mut self, at: &Range<usize>, file: &'static str, message: String) {
        self.problem(at, message);
        if let Some(problem) = self.problems.0.last_mut() {
            problem.missing_in = Some(file);
        }
    }

    /// Reports a problem a number of lines below a place.
    fn problem_below(&mut self, at: &Range<usize>, lines: usize, message: String) {
        let line = self.line(at).map(|line| line + lines);
        self.problems.add(self.path, line, message);
    }

    /// Reports a problem at a line within a string, from 1.
    pub(crate) fn problem_within(&mut self, at: &Range<usize>, line: u32, message: String) {
        // A multi-line string's text begins on the line after its quotes.
        let source = self.text.get(at.clone()).unwrap_or("");
        let first = usize::from(["\"\"\"\n", "'''\n"].iter().any(|open| source.starts_with(open)));
        self.problem_below(at, first + (line.max(1) - 1) as usize, message);
    }
}

impl<'t> Section<'t> {
    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.remove(key)
    }

    /// Whether a key exists and is not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn label(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Takes a value of one kind. `None` if it is absent, or of another kind, which is reported.
    fn of_kind<T>(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
        kind: &str,
        read: impl Fn(&DeValue<'t>) -> Option<T>,
    ) -> Option<Placed<T>> {
        let value = self.take(key)?;
        match read(value.get_ref()) {
            Some(read) => Some(Placed { value: read, at: value.span() }),
            None => {
                doc.problem(&value.span(), format!("{}: expected {kind}", self.label(key)));
                None
            }
        }
    }

    pub(crate) fn text(&mut self, doc: &mut Document<'_>, key: &'static str) -> Option<Placed<String>> {
        self.of_kind(doc, key, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn required_text(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
    ) -> Option<Placed<String>> {
        if !self.has(key) {
            let label = self.label(key);
            doc.problem(&self.at.clone(), format!("{label}: required"));
        }
        self.text(doc, key)
    }

    /// A string that must parse; if it does not, the problem shows the type's error.
    pub(crate) fn parsed<T: FromStr<Err: ToString>>(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
    ) -> Option<Placed<T>> {
        let text = self.text(doc, key)?;
        match text.value.parse() {
            Ok(value) => Some(Placed { value, at: text.at }),
            Err(error) => {
                doc.problem(&text.at, format!("{}: {}", self.label(key), error.to_string()));
                None
            }
        }
    }

    pub(crate) fn integer(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
        range: Range<u32>,
    ) -> Option<u32> {
        let kind = format!("a whole number from {} to {}", range.start, range.end - 1);
        let number = self.of_kind(doc, key, &kind, |value| match value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|number| range.contains(number)),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        })?;
        Some(number.value)
    }

    pub(crate) fn boolean(&mut self, doc: &mut Document<'_>, key: &'static str) -> Option<bool> {
        Some(self.of_kind(doc, key, "true or false", DeValue::as_bool)?.value)
    }

    /// A length of time such as `90s`, `5m`, `2h` or `7d`, in seconds.
    pub(crate) fn seconds(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
        range: Range<u32>,
    ) -> Option<u32> {
        let (least, most) = (in_units(range.start), in_units(range.end - 1));
        let kind =
            format!("a time such as \"90s\", \"5m\", \"2h\" or \"7d\", from \"{least}\" to \"{most}\"");
        let read =
            |value: &DeValue<'t>| parse_seconds(value.as_str()?).filter(|seconds| range.contains(seconds));
        Some(self.of_kind(doc, key, &kind, read)?.value)
    }

    pub(crate) fn texts(&mut self, doc: &mut Document<'_>, key: &'static str) -> Vec<Placed<String>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let (at, label) = (value.span(), self.label(key));
        let DeValue::Array(items) = value.into_inner() else {
            doc.problem(&at, format!("{label}: expected a list of strings"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Placed { value: text.to_owned(), at: item.span() }),
                None => doc.problem(&item.span(), format!("{label}: expected a list of strings")),
            }
        }
        texts
    }

    /// A table, if it exists.
    pub(crate) fn section(&mut self, doc: &mut Document<'_>, key: &'static str) -> Option<Section<'t>> {
        let value = self.take(key)?;
        let (at, name) = (value.span(), self.label(key));
        let table = table_of(value);
        if table.is_none() {
            doc.problem(&at, format!("{name}: expected a table, written [{name}]"));
        }
        table.map(|table| Section { name, table, asked: Vec::new(), at })
    }

    /// A list of tables, written `[[key]]`.
    pub(crate) fn sections(&mut self, doc: &mut Document<'_>, key: &'static str) -> Vec<Section<'t>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let (at, name) = (value.span(), self.label(key));
        let DeValue::Array(items) = value.into_inner() else {
            doc.problem(&at, format!("{name}: expected tables, each written [[{name}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            let at = item.span();
            match table_of(item) {
                Some(table) => sections.push(Section { name: name.clone(), table, asked: Vec::new(), at }),
                None => doc.problem(&at, format!("{name}: expected tables, each written [[{name}]]")),
            }
        }
        sections
    }

    /// The table's entries as sections, with their keys.
    pub(crate) fn into_sections(self, doc: &mut Document<'_>) -> Vec<(String, Section<'t>)> {
        let mut sections = Vec::new();
        for (key, value) in self.table {
            let (name, at) = (key.into_inner().into_owned(), value.span());
            match table_of(value) {
                Some(table) => sections.push((name.clone(), Section { name, table, asked: Vec::new(), at })),
                None => doc.problem(&at, format!("{name}: expected a table, written [{name}]")),
            }
        }
        sections
    }

    /// The table's entries as texts, with their keys.
    pub(crate) fn into_texts(self, doc: &mut Document<'_>) -> Vec<(String, Placed<String>)> {
        let mut texts = Vec::new();
        for (key, value) in self.table {
            let (name, at) = (key.into_inner().into_owned(), value.span());
            match value.get_ref().as_str() {
                Some(text) => texts.push((name, Placed { value: text.to_owned(), at })),
                None => doc.problem(&at, format!("{}.{name}: expected a string", self.name)),
            }
        }
        texts
    }

    /// A value of any kind, as JSON.
    pub(crate) fn json(&mut self, key: &'static str) -> Option<Placed<serde_json::Value>> {
        let value = self.take(key)?;
        let at = value.span();
        Some(Placed { value: json_of(value.into_inner()), at })
    }

    /// Reports every unknown key, with the known key that was probably meant.
    pub(crate) fn finish(self, doc: &mut Document<'_>) {
        for (key, _) in &self.table {
            let near = self
                .asked
                .iter()
                .filter(|known| distance(known, key.get_ref()) <= 2)
                .min_by_key(|known| distance(known, key.get_ref()));
            let hint = match near {
                Some(known) => format!("did you mean {known:?}?"),
                None => format!("known keys: {}", self.asked.join(", ")),
            };
            let name = if self.name.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{}.{}", self.name, key.get_ref())
            };
            doc.problem(&key.span(), format!("unknown key {name:?}; {hint}"));
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no other kind is a table")]
fn table_of<'t>(value: Spanned<DeValue<'t>>) -> Option<DeTable<'t>> {
    match value.into_inner() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// A length of time such as `90s`, `5m`, `2h` or `7d`, in seconds.
pub(crate) fn parse_seconds(text: &str) -> Option<u32> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(factor)
}

/// The same length as [`parse_seconds`] reads it, in the largest unit that is exact.
fn in_units(seconds: u32) -> String {
    let (factor, unit) = [(86_400, "d"), (3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(factor, _)| seconds >= *factor && seconds.is_multiple_of(*factor))
        .unwrap_or((1, "s"));
    format!("{}{unit}", seconds / factor)
}

fn json_of(value: DeValue<'_>) -> serde_json::Value {
    use serde_json::Value;
    match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => {
            Value::Array(items.into_iter().map(|item| json_of(item.into_inner())).collect())
        }
        DeValue::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(key, value)| (key.into_inner().into_owned(), json_of(value.into_inner())))
                .collect(),
        ),
    }
}

/// The edit distance: how many letters must be changed, added or removed to turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
