//! Reads a template's tags for what the engine checks only while rendering. In: the source. Out: names and mistakes.
//!
//! Never: decides whether the syntax is right; the engine's parser does, before this is asked.

use super::grammar::{FILTERS, STATEMENTS, TESTS, TemplateError};

/// What the tags of a template contain.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Every dotted name with its line, in order.
    pub(super) names: Vec<(String, u32)>,
    /// Statements, filters, tests and subscripts that are not allowed.
    pub(super) errors: Vec<TemplateError>,
}

/// What was read just before.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    TagOpening,
    Pipe,
    Is,
    Operand,
    Other,
}

/// Walks through the source tag by tag.
pub(super) fn scan(source: &str) -> Scan {
    let mut scan = Scan::default();
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let tag = &rest[at..];
        let closing = match tag.as_bytes().get(1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                rest = tag.find("#}").map_or("", |end| &tag[end..]);
                continue;
            }
            _ => {
                rest = &tag[1..];
                continue;
            }
        };
        rest = scan.tag(source, &tag[2..], closing);
    }
    scan
}

impl Scan {
    /// Reads one tag from behind its opening; what is left begins behind its closing.
    fn tag<'a>(&mut self, source: &str, inside: &'a str, closing: &str) -> &'a str {
        let mut rest = inside.trim_start_matches(['-', '+']);
        let mut before = if closing == "%}" { Before::TagOpening } else { Before::Other };
        while let Some(c) = rest.chars().next() {
            if let Some(behind) = rest.strip_prefix(closing) {
                return behind;
            }
            // A name that is cut off from `rest` is a part of `source`, so that the lengths tell its place.
            let line = line_at(source, rest);
            let length = match c {
                '"' | '\'' => string_length(rest, c),
                _ if c.is_alphabetic() || c == '_' => name_length(rest),
                _ => c.len_utf8(),
            };
            let (token, behind) = rest.split_at(length);
            before = match c {
                _ if c.is_whitespace() => before,
                '|' => Before::Pipe,
                '[' if before == Before::Operand => self.subscript(behind, line),
                ')' | ']' | '}' | '"' | '\'' | '0'..='9' => Before::Operand,
                _ if c.is_alphabetic() || c == '_' => self.name(token, before, line),
                _ => Before::Other,
            };
            rest = behind;
        }
        rest
    }

    fn name(&mut self, name: &str, before: Before, line: u32) -> Before {
        let mut check = |known: &[&str], kind: &str| {
            if !known.contains(&name) {
                let message = format!("the {kind} `{name}` is not available: use {}", known.join(", "));
                self.errors.push(TemplateError { line, message });
            }
        };
        match (before, name) {
            (Before::TagOpening, _) => check(STATEMENTS, "statement"),
            (Before::Pipe, _) => check(FILTERS, "filter"),
            (Before::Is, "not") | (_, "is") => return Before::Is,
            (Before::Is, _) => check(TESTS, "test"),
            (_, "not" | "and" | "or" | "in" | "if" | "else" | "recursive") => {}
            _ => {
                self.names.push((name.to_owned(), line));
                return Before::Operand;
            }
        }
        Before::Other
    }

    /// `host["name"]` would go around the schema, so that a subscript can only be a number.
    fn subscript(&mut self, behind: &str, line: u32) -> Before {
        let index = behind.split(']').next().unwrap_or_default();
        if !index.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | ' ')) {
            let message = "only a number may stand in [ ]: write host.name rather than host[\"name\"]".into();
            self.errors.push(TemplateError { line, message });
        }
        Before::Other
    }
}

/// The line that a rest of the source begins on, from 1.
fn line_at(source: &str, rest: &str) -> u32 {
    let read = source.len().saturating_sub(rest.len());
    let breaks = source.as_bytes().iter().take(read).filter(|b| **b == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}

/// The length of a string literal with its quotes, a backslash escaping what follows it.
fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// The length of a dotted name.
fn name_length(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len())
}
