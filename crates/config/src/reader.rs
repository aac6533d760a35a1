//! Reads a TOML file key by key. It continues after an error, so that all errors are reported at once.
//!
//! In: a file's text. Out: typed values; problems for what is missing, mistyped or unknown.
//! Never: stops at the first error, or ignores an unknown key.

use std::{collections::BTreeMap, ops::Range, path::Path, str::FromStr};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    near::meant,
    problem::Problems,
    seconds::{in_units, parse_seconds},
};

/// One file being read.
pub(crate) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    problems: &'a mut Problems,
    /// It is no TOML: what else seems wrong may follow from that.
    is_broken: bool,
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
    /// Keys that must be there and are not, with what is said of each.
    missing: Vec<(&'static str, Range<usize>, String)>,
    /// Its place in the file, in bytes.
    pub(crate) at: Range<usize>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(path: &'a Path, text: &'a str, problems: &'a mut Problems) -> Self {
        Self { path, text, problems, is_broken: false }
    }

    /// The file's top table. Of what is no TOML the first mistake is reported, and nothing else.
    pub(crate) fn parse(&mut self) -> Section<'a> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if let Some(error) = errors.first() {
            self.problem(&error.span().unwrap_or(0..0), error.message().to_owned());
            self.is_broken = true;
        }
        Section::new(String::new(), table.into_inner(), 0..0)
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, at: &Range<usize>) -> Option<usize> {
        self.text.get(..at.start).map(|before| before.matches('\n').count() + 1)
    }

    /// Reports a problem at a place.
    pub(crate) fn problem(&mut self, at: &Range<usize>, message: String) {
        if !self.is_broken {
            self.problems.add(self.path, self.line(at), message);
        }
    }

    /// Notes the line of a setting that is judged together with others.
    pub(crate) fn note_line<T>(
        &self,
        lines: &mut BTreeMap<String, usize>,
        name: &str,
        value: Option<&Placed<T>>,
    ) {
        lines.extend(value.and_then(|value| self.line(&value.at)).map(|line| (name.to_owned(), line)));
    }

    /// How many problems there are.
    pub(crate) fn count(&self) -> usize {
        self.problems.0.len()
    }

    /// Reports a name that another file does not have.
    pub(crate) fn unknown_name(&mut self, at: &Range<usize>, file: &'static str, message: String) {
        self.problem(at, message);
        if let Some(problem) = self.problems.0.last_mut().filter(|_| !self.is_broken) {
            problem.missing_in = Some(file);
        }
    }

    /// Reports a problem a number of lines below a place.
    fn problem_below(&mut self, at: &Range<usize>, lines: usize, message: String) {
        let line = self.line(at).map(|line| line + lines);
        if !self.is_broken {
            self.problems.add(self.path, line, message);
        }
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
    fn new(name: String, table: DeTable<'t>, at: Range<usize>) -> Self {
        Self { name, table, asked: Vec::new(), missing: Vec::new(), at }
    }

    /// Notes a key that must be there and is not. It is reported in the end, unless another key was probably meant for it.
    pub(crate) fn missing(&mut self, key: &'static str, message: String) {
        self.missing.push((key, self.at.clone(), message));
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.remove(key)
    }

    /// Whether a key exists and is not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The table's name, as errors give it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The name of a key of it, as errors give it.
    pub(crate) fn label(&self, key: &str) -> String {
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
            self.missing(key, format!("{}: required", self.label(key)));
        }
        self.text(doc, key)
    }

    /// A list of strings that must not be empty.
    pub(crate) fn required_texts(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
        message: &str,
    ) -> Vec<Placed<String>> {
        if !self.has(key) {
            self.missing(key, message.to_owned());
        }
        let (is_there, before) = (self.has(key), doc.count());
        let texts = self.texts(doc, key);
        if is_there && texts.is_empty() && doc.count() == before {
            doc.problem(&self.at.clone(), message.to_owned());
        }
        texts
    }

    /// The place of a list without elements.
    pub(crate) fn empty_list(&self, key: &str) -> Option<Range<usize>> {
        let value = self.table.get(key)?;
        let is_empty = value.get_ref().as_array().is_some_and(|items| items.is_empty());
        is_empty.then(|| value.span())
    }

    /// A string of a type whose errors are not ours; if it does not parse, the problem says what was expected.
    pub(crate) fn value<T: FromStr>(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
        expected: &str,
    ) -> Option<Placed<T>> {
        let text = self.text(doc, key)?;
        if let Ok(value) = text.value.parse() {
            return Some(Placed { value, at: text.at });
        }
        doc.problem(&text.at, format!("{}: expected {expected}", self.label(key)));
        None
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
        Some(self.parsed_integer(doc, key, range)?.value)
    }

    pub(crate) fn parsed_integer(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
        range: Range<u32>,
    ) -> Option<Placed<u32>> {
        let kind = format!("a whole number from {} to {}", range.start, range.end - 1);
        self.of_kind(doc, key, &kind, |value| match value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|number| range.contains(number)),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        })
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
        Some(self.parsed_seconds(doc, key, range)?.value)
    }

    pub(crate) fn parsed_seconds(
        &mut self,
        doc: &mut Document<'_>,
        key: &'static str,
        range: Range<u32>,
    ) -> Option<Placed<u32>> {
        let (least, most) = (in_units(range.start), in_units(range.end - 1));
        let kind =
            format!("a time such as \"90s\", \"5m\", \"2h\" or \"7d\", from \"{least}\" to \"{most}\"");
        let read =
            |value: &DeValue<'t>| parse_seconds(value.as_str()?).filter(|seconds| range.contains(seconds));
        self.of_kind(doc, key, &kind, read)
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
        table.map(|table| Section::new(name, table, at))
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
                Some(table) => sections.push(Section::new(name.clone(), table, at)),
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
                Some(table) => sections.push((name.clone(), Section::new(name, table, at))),
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

    /// Reports every unknown key, with the known key that was probably meant, and what is missing then.
    pub(crate) fn finish(self, doc: &mut Document<'_>) {
        self.close(doc, true);
    }

    /// As [`Section::finish`], where it is not known which other keys there may be.
    pub(crate) fn abandon(self, doc: &mut Document<'_>) {
        self.close(doc, false);
    }

    fn close(mut self, doc: &mut Document<'_>, knows_keys: bool) {
        for (key, _) in &self.table {
            let near = meant(key.get_ref(), &self.asked);
            let is_meant = self.missing.iter().any(|(missing, ..)| near == Some(*missing));
            self.missing.retain(|(missing, ..)| near != Some(*missing));
            if !knows_keys && !is_meant {
                continue;
            }
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
        for (_, at, message) in self.missing {
            doc.problem(&at, message);
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
