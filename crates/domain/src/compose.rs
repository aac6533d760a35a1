//! Composes the text of a message. In: a template, an event's fields and who it is for. Out: a text that fits.
//!
//! Never: reads a field as a template, lets one begin a line or bring a link that is not listed, or cuts what the
//! template itself says; the code to reply with is always whole.

mod link;

use std::borrow::Cow;

use serde_json::{Map, Value};
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    ack_code::AckCode,
    gsm7,
    provider::Text,
    segment::{self, BODY_CHARS_MAX, Segments},
    template::{self, RenderError, Template},
};

/// What stands where a field was cut. In GSM-7, unlike the one-character ellipsis.
const ELLIPSIS: &str = "...";

/// What a workflow says about its texts.
#[derive(Debug, Clone, Copy)]
pub struct ComposeRules<'a> {
    /// The template.
    pub template: &'a Template,
    /// Most SMS parts; 0 counts as 1.
    pub max_segments: u8,
    /// The hosts that a link may lead to, without port, in any case. Each is exact: no subdomains.
    pub link_hosts: &'a [String],
}

/// A text that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The text.
    pub text: Text,
    /// What it costs.
    pub segments: Segments,
    /// The dotted names of the fields that were cut, sorted; an array's element by its index: `tags.0`.
    pub shortened: Vec<String>,
}

/// Why no text could be composed. Every one is permanent for this event and this configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The template could not be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A link leads to a host that the workflow does not list.
    #[error("{place} contains a link to `{host}`, which the workflow does not list under link_hosts")]
    LinkRefused {
        /// The dotted name of the field, or `the text` where the template makes the link.
        place: String,
        /// The host, at most 64 characters of it.
        host: String,
    },
    /// It does not fit even with every field cut away.
    #[error(
        "the text takes {segments} segments with every field cut away; at most {segments_max} are allowed"
    )]
    TooLong {
        /// What it takes with every field cut away.
        segments: u8,
        /// What is allowed; the text can also be past [`BODY_CHARS_MAX`].
        segments_max: u8,
    },
    /// There is nothing to send; the provider refuses an empty text.
    #[error("the text is empty")]
    Empty,
}

/// Composes one text. Strings are folded to GSM-7 where that loses nothing; in fields and in the recipient's name a
/// line break or control character becomes a space. Where the text is too long, the longest field is cut first,
/// between characters as a reader sees them, until it fits.
///
/// # Errors
/// [`ComposeError`]; none of them goes away by trying again.
pub fn compose(
    rules: &ComposeRules<'_>,
    fields: &Map<String, Value>,
    ack: Option<&AckCode>,
    recipient: &str,
    step: u8,
) -> Result<Composed, ComposeError> {
    let fields = used_and_clean(rules.template, fields);
    let mut strings = vec![];
    for name in rules.template.fields() {
        let found = name.split('.').try_fold(None, |at: Option<&Value>, part| match at {
            None => fields.get(part).map(Some),
            Some(value) => value.get(part).map(Some),
        });
        if let Some(Some(value)) = found {
            collect_strings(name, value, &mut strings);
        }
    }
    for (name, text) in &strings {
        if let Some(host) = link::unlisted(text, rules.link_hosts, link::Shape::Any) {
            return Err(ComposeError::LinkRefused { place: format!("the field `{name}`"), host });
        }
    }
    let recipient = clean(recipient);
    let render = |fields: &Map<String, Value>| -> Result<String, ComposeError> {
        let text = rules.template.render(fields, ack, &recipient, step)?;
        let text = if gsm7::is_plain(&text) { text } else { gsm7::fold(&text) };
        let trimmed = text.trim();
        Ok(if trimmed.len() == text.len() { text } else { trimmed.to_owned() })
    };
    let text = render(&fields)?;
    if let Some(host) = link::unlisted(&text, rules.link_hosts, link::Shape::Explicit) {
        return Err(ComposeError::LinkRefused { place: "the text".into(), host });
    }
    let composed = match fitting(&text, rules.max_segments) {
        Ok(segments) => Composed { text: Text(text.into()), segments, shortened: vec![] },
        Err(_) => shorten(&fields, &strings, rules.max_segments, render)?,
    };
    if composed.text.0.is_empty() { Err(ComposeError::Empty) } else { Ok(composed) }
}

/// What the text costs, as `Ok` if that is allowed.
fn fitting(text: &str, segments_max: u8) -> Result<Segments, Segments> {
    let segments = segment::count(text);
    let fits = segments.count <= segments_max.max(1)
        && text.chars().take(BODY_CHARS_MAX + 1).count() <= BODY_CHARS_MAX;
    if fits { Ok(segments) } else { Err(segments) }
}

/// Cuts every field that is longer than a level to that level, and searches the highest level at which it fits.
/// That is the same as cutting the longest field a little, again and again, in some ten renderings.
fn shorten(
    fields: &Map<String, Value>,
    strings: &[(String, &str)],
    segments_max: u8,
    render: impl Fn(&Map<String, Value>) -> Result<String, ComposeError>,
) -> Result<Composed, ComposeError> {
    let at_level = |level: usize| -> Result<Result<Composed, Segments>, ComposeError> {
        let mut cut_fields = fields.clone();
        let mut shortened = vec![];
        for (name, text) in strings {
            if let Cow::Owned(cut) = cut(text, level) {
                replace(&mut cut_fields, name, cut);
                shortened.push(name.clone());
            }
        }
        shortened.sort();
        shortened.dedup();
        let text = render(&cut_fields)?;
        let found = fitting(&text, segments_max);
        Ok(found.map(|segments| Composed { text: Text(text.into()), segments, shortened }))
    };
    let mut best = match at_level(0)? {
        Ok(composed) => composed,
        Err(Segments { count: segments, .. }) => {
            return Err(ComposeError::TooLong { segments, segments_max: segments_max.max(1) });
        }
    };
    // At the length of the longest field nothing is cut, and that is known not to fit. No field can keep more than a
    // whole text of the costliest characters.
    let longest = strings.iter().map(|(_, text)| units_of(text)).max().unwrap_or(0);
    let (mut fits, mut too_long) = (0, longest.min(2 * BODY_CHARS_MAX + 1));
    while fits + 1 < too_long {
        let level = (fits + too_long) / 2;
        match at_level(level)? {
            Ok(composed) => (fits, best) = (level, composed),
            Err(_) => too_long = level,
        }
    }
    Ok(best)
}

/// The text if it has at most so many units, else its beginning and an ellipsis, together at most so many.
fn cut(text: &str, units_max: usize) -> Cow<'_, str> {
    let keep_max = units_max.saturating_sub(ELLIPSIS.len());
    let (mut units, mut keep) = (0, 0);
    for (at, cluster) in text.grapheme_indices(true) {
        units += units_of(cluster);
        if units <= keep_max {
            keep = at + cluster.len();
        }
        if units > units_max {
            let kept = without_half_link(text, keep).trim_end();
            return Cow::Owned(format!("{kept}{}", &ELLIPSIS[..units_max.min(ELLIPSIS.len())]));
        }
    }
    Cow::Borrowed(text)
}

/// The beginning of a text up to `keep`, without its last word where that is part of a link: half a link leads
/// somewhere else.
fn without_half_link(text: &str, keep: usize) -> &str {
    let (before, after) = text.split_at(keep);
    let word_start = before.trim_end_matches(|c: char| !c.is_whitespace()).len();
    let word_end = keep + after.find(char::is_whitespace).unwrap_or(after.len());
    if link::contains(&text[word_start..word_end]) { &text[..word_start] } else { before }
}

/// What a character costs where it stands alone: septets, or 16-bit units where it is not in GSM-7.
fn units_of(cluster: &str) -> usize {
    cluster.chars().map(|c| gsm7::septets(c).map_or(c.len_utf16(), usize::from)).sum()
}

/// The fields that the template uses, clean. The others stay out: they could neither be written nor be cut.
fn used_and_clean(template: &Template, fields: &Map<String, Value>) -> Map<String, Value> {
    let mut used = Map::new();
    for name in template.fields() {
        let first = name.split('.').next().unwrap_or(name);
        if let Some(value) = fields.get(first).filter(|_| !used.contains_key(first)) {
            used.insert(first.to_owned(), clean_value(value));
        }
    }
    used
}

fn clean_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text).into_owned()),
        Value::Array(items) => Value::Array(items.iter().map(clean_value).collect()),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), clean_value(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A value on one line, in GSM-7 where that loses nothing, without what turns the direction of writing: such a
/// character can make a text show other words than it contains.
fn clean(text: &str) -> Cow<'_, str> {
    if gsm7::is_plain(text) && !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let turns =
        |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let one_line: String =
        text.chars().filter(|c| !turns(c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Cow::Owned(gsm7::fold(&one_line))
}

/// Every string within a value, with its dotted name.
fn collect_strings<'a>(name: &str, value: &'a Value, strings: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => strings.push((name.to_owned(), text)),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                collect_strings(&format!("{name}.{at}"), item, strings);
            }
        }
        Value::Object(map) => {
            for (inner, item) in map.iter().filter(|(inner, _)| template::is_name(inner)) {
                collect_strings(&format!("{name}.{inner}"), item, strings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Puts a string in the place of the one with that dotted name.
fn replace(fields: &mut Map<String, Value>, name: &str, text: String) {
    let mut path = name.split('.');
    let first = path.next().and_then(|first| fields.get_mut(first));
    let place = path.try_fold(first, |at, part| match at? {
        Value::Array(items) => part.parse::<usize>().ok().map(|index| items.get_mut(index)),
        Value::Object(map) => Some(map.get_mut(part)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    if let Some(Some(place)) = place {
        *place = Value::String(text);
    }
}

#[cfg(test)]
mod tests;
