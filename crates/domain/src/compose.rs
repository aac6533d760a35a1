//! Composes the text of a message. In: a template, an event's fields and who it is for. Out: a text that fits.
//!
//! Never: loses a text because of its content: what cannot be sent as configured is sent in a plainer form, with a note
//! of what was changed. Never reads a field as a template, or lets one begin a line; the code to reply with is
//! always whole.

mod digest;
mod link;
mod lists;

use std::borrow::Cow;

use icu_properties::{
    CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint},
};
use serde_json::{Map, Value};
use unicode_segmentation::UnicodeSegmentation;

pub use digest::{DigestOf, DigestRules, compose_digest};
use lists::ELLIPSIS;

use crate::{
    ack_code::AckCode,
    content::{ContentChange, LinkPolicy},
    gsm7, number,
    plural::counted,
    provider::Text,
    segment::{self, BODY_CHARS_MAX, Segments},
    template::{self, Given, RenderError, Template},
};

/// What a workflow says about its texts.
#[derive(Debug, Clone, Copy)]
pub struct ComposeRules<'a> {
    /// The template.
    pub template: &'a Template,
    /// Most SMS parts; 0 counts as 1.
    pub max_segments: u8,
    /// The hosts that a link may lead to, without port, in any case: `status.example.com`, or `*.example.com` for all
    /// below it.
    pub link_hosts: &'a [String],
    /// What becomes of a link to another host.
    pub links: LinkPolicy,
    /// What is said where the template cannot be: what the event is about, on one line.
    pub plain: &'a str,
    /// What stands before the template's text; empty for most.
    pub before: &'a str,
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
    /// What else differs from what the template and the event say.
    pub changes: Vec<ContentChange>,
}

/// A link leads to a host that the workflow does not list, and the workflow refuses such texts (`links = "refuse"`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} contains a link to `{host}`, which the workflow does not list under link_hosts")]
pub struct LinkRefused {
    /// The dotted name of the field, or `the text` where the template makes the link.
    pub place: String,
    /// The host, at most 64 characters of it.
    pub host: String,
}

/// Composes one text. Strings are folded to GSM-7 where that loses nothing; invisible characters go, and in fields and in
/// the recipient's name a line break or control character becomes a space. Where the text is too long, the longest
/// field is cut first, between characters as a reader sees them, until it fits. A link to an unlisted host is made
/// harmless. Where the template cannot be rendered, says nothing, or is too long by itself, the text is
/// [`ComposeRules::plain`] and the code to reply with.
///
/// # Errors
/// [`LinkRefused`], where the workflow asks for it.
pub fn compose(
    rules: &ComposeRules<'_>,
    fields: &Map<String, Value>,
    given: &Given<'_>,
) -> Result<Composed, LinkRefused> {
    let ack = given.ack;
    // Our own link is one that the workflow asked for.
    let own_host = given.ack_url.and_then(link::host_of);
    let link_hosts: Vec<String> = rules.link_hosts.iter().cloned().chain(own_host).collect();
    let rules = &ComposeRules { link_hosts: &link_hosts, ..*rules };
    let fields = used_and_clean(rules.template, fields);
    let strings = strings_of(rules.template, &fields);
    let recipient = clean(given.recipient);
    let given = Given { recipient: &recipient, ..*given };
    let render = |fields: &Map<String, Value>| -> Result<Rendered, RenderError> {
        let (text, absent) = rules.template.render(fields, &given)?;
        let text = if rules.before.is_empty() { text } else { format!("{}{text}", rules.before) };
        Ok(Rendered { absent, ..Rendered::new(text, rules.link_hosts) })
    };
    let rendered = match render(&fields) {
        Ok(rendered) => rendered,
        Err(error) => return Ok(plain(rules, ack, error.to_string())),
    };
    if let (LinkPolicy::Refuse, Some(host)) = (rules.links, rendered.hosts.first()) {
        return Err(LinkRefused { place: place_of(host, &strings), host: host.clone() });
    }
    let mut changes: Vec<ContentChange> =
        rendered.hosts.iter().map(|host| ContentChange::link(place_of(host, &strings), host)).collect();
    let absent = rendered.absent.into_iter();
    changes.extend(absent.map(|field| ContentChange { field, reason: "absent".to_owned() }));
    let composed = match fitting(&rendered.text, rules.max_segments) {
        Ok(segments) => Composed { text: Text(rendered.text.into()), segments, shortened: vec![], changes },
        Err(_) => match shorten_all(rules, &fields, &strings, render) {
            Ok(Some(composed)) => Composed { changes, ..composed },
            Ok(None) => {
                let segments = counted(rules.max_segments.max(1), "segment");
                let reason = format!("longer than {segments} with every field cut away");
                return Ok(plain(rules, ack, reason));
            }
            Err(error) => return Ok(plain(rules, ack, error.to_string())),
        },
    };
    if composed.text.0.is_empty() { Ok(plain(rules, ack, "empty".to_owned())) } else { Ok(composed) }
}

/// A rendered text without links to unlisted hosts.
struct Rendered {
    text: String,
    /// The hosts that were changed.
    hosts: Vec<String>,
    /// The fields that it lacks.
    absent: Vec<String>,
}

impl Rendered {
    fn new(text: String, link_hosts: &[String]) -> Self {
        let text = if gsm7::is_plain(&text) { text } else { gsm7::fold(&without_invisible(&text)) };
        let trimmed = text.trim();
        match link::defang(trimmed, link_hosts) {
            Some((text, hosts)) => Self { text, hosts, absent: vec![] },
            None if trimmed.len() == text.len() => Self { text, hosts: vec![], absent: vec![] },
            None => Self { text: trimmed.to_owned(), hosts: vec![], absent: vec![] },
        }
    }
}

/// The field that brought a host, or `the text` where it came about by several, or by the template.
fn place_of(host: &str, strings: &[(String, &str)]) -> String {
    let brought = strings.iter().find(|(_, text)| text.contains(host));
    brought.map_or_else(|| "the text".to_owned(), |(name, _)| format!("the field `{name}`"))
}

/// The text that is always possible: what the event is about, and the code.
fn plain(rules: &ComposeRules<'_>, ack: Option<&AckCode>, reason: String) -> Composed {
    let about = Rendered::new(clean(rules.plain).into_owned(), rules.link_hosts).text;
    let reply = ack.map(|code| format!(". Reply {code} to acknowledge.")).unwrap_or_default();
    // One segment of the costlier encoding always has room for the code.
    let room = segment::UCS2_SINGLE_UNITS.saturating_sub(reply.len());
    let text = format!("{}{reply}", cut(&about, room));
    Composed {
        segments: segment::count(&text),
        text: Text(text.into()),
        shortened: vec![],
        changes: vec![ContentChange { field: "template".to_owned(), reason }],
    }
}

/// What the text costs, as `Ok` if that is allowed.
fn fitting(text: &str, segments_max: u8) -> Result<Segments, Segments> {
    let segments = segment::count(text);
    let fits = segments.count <= segments_max.max(1)
        && text.chars().take(BODY_CHARS_MAX + 1).count() <= BODY_CHARS_MAX;
    if fits { Ok(segments) } else { Err(segments) }
}

/// The strings of the fields that a template uses, each with its dotted name.
fn strings_of<'a>(template: &Template, fields: &'a Map<String, Value>) -> Vec<(String, &'a str)> {
    let mut strings = vec![];
    for name in template.fields() {
        let found = name.split('.').try_fold(None, |at: Option<&'a Value>, part| match at {
            None => fields.get(part).map(Some),
            Some(value) => value.get(part).map(Some),
        });
        if let Some(Some(value)) = found {
            collect_strings(name, value, &mut strings);
        }
    }
    strings
}

/// Cuts lists until the text fits, and fields where that is not enough. `None`: it does not fit in any case.
fn shorten_all(
    rules: &ComposeRules<'_>,
    fields: &Map<String, Value>,
    strings: &[(String, &str)],
    render: impl Fn(&Map<String, Value>) -> Result<Rendered, RenderError>,
) -> Result<Option<Composed>, RenderError> {
    for length in lists::LENGTHS {
        let (fields, shortened) = lists::cut(fields, length);
        if shortened.is_empty() {
            continue;
        }
        let text = render(&fields)?.text;
        if let Ok(segments) = fitting(&text, rules.max_segments) {
            return Ok(Some(Composed { text: Text(text.into()), segments, shortened, changes: vec![] }));
        }
    }
    // A few elements leave room for the other fields; many would leave nothing of any.
    let (few, cut) = lists::cut(fields, lists::FEW);
    if cut.is_empty() {
        return shorten(fields, strings, rules.max_segments, render);
    }
    let composed = shorten(&few, &strings_of(rules.template, &few), rules.max_segments, render)?;
    Ok(composed.map(|composed| {
        let mut shortened = [cut, composed.shortened].concat();
        shortened.sort();
        shortened.dedup();
        Composed { shortened, ..composed }
    }))
}

/// Cuts every field that is longer than a level to that level, and searches the highest level at which it fits.
/// That is the same as cutting the longest field a little, again and again, in some ten renderings. `None`: it does not
/// fit even with every field cut away.
fn shorten(
    fields: &Map<String, Value>,
    strings: &[(String, &str)],
    segments_max: u8,
    render: impl Fn(&Map<String, Value>) -> Result<Rendered, RenderError>,
) -> Result<Option<Composed>, RenderError> {
    let at_level = |level: usize| -> Result<Option<Composed>, RenderError> {
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
        let text = render(&cut_fields)?.text;
        let found = fitting(&text, segments_max).ok();
        Ok(found.map(|segments| Composed { text: Text(text.into()), segments, shortened, changes: vec![] }))
    };
    let Some(mut best) = at_level(0)? else { return Ok(None) };
    // At the length of the longest field nothing is cut, and that is known not to fit. No field can keep more than a
    // whole text of the costliest characters.
    let longest = strings.iter().map(|(_, text)| units_of(text)).max().unwrap_or(0);
    let (mut fits, mut too_long) = (0, longest.min(2 * BODY_CHARS_MAX + 1));
    while fits + 1 < too_long {
        let level = (fits + too_long) / 2;
        match at_level(level)? {
            Some(composed) => (fits, best) = (level, composed),
            None => too_long = level,
        }
    }
    Ok(Some(best))
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

/// The beginning of a text up to `keep`; where that would cut a link, up to the end of its host, or else without it:
/// half a link leads somewhere else, and the host says most.
fn without_half_link(text: &str, keep: usize) -> &str {
    let (before, after) = text.split_at(keep);
    let word_start = before.trim_end_matches(|c: char| !c.is_whitespace()).len();
    let word_end = keep + after.find(char::is_whitespace).unwrap_or(after.len());
    match link::first_host_end(&text[word_start..word_end]) {
        None => before,
        Some(host_end) if word_start + host_end <= keep => &text[..word_start + host_end],
        Some(_) => &text[..word_start],
    }
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

/// A value on one line, in GSM-7 where that loses nothing, without invisible characters.
fn clean(text: &str) -> Cow<'_, str> {
    if gsm7::is_plain(text) && !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let one_line: String =
        without_invisible(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Cow::Owned(gsm7::fold(&one_line))
}

/// The text without invisible characters, which hide links, turn the direction of writing, and double the price.
/// What joins or styles the parts of an emoji stays.
fn without_invisible(text: &str) -> String {
    let invisible = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let turns = CodePointSetData::new::<BidiControl>();
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if !invisible.contains(c) && !turns.contains(c) {
            shown.push(c);
            continue;
        }
        let is_of_emoji = |side: Option<char>| side.is_some_and(|c| !c.is_ascii() && !c.is_alphanumeric());
        let before = shown.chars().next_back();
        let stays = match c {
            ZERO_WIDTH_JOINER => is_of_emoji(before) && is_of_emoji(characters.peek().copied()),
            '\u{fe0e}' | '\u{fe0f}' => is_of_emoji(before) || characters.peek() == Some(&KEYCAP),
            TAG_FIRST..=TAG_LAST => matches!(before, Some(BLACK_FLAG | TAG_FIRST..=TAG_LAST)),
            _ => false,
        };
        if stays {
            shown.push(c);
        }
    }
    shown
}

const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// Puts the character before it on a key: `3` and two more characters are the key 3.
const KEYCAP: char = '\u{20e3}';
/// With the tags behind it, which name a region, the flag of England, Scotland or Wales.
const BLACK_FLAG: char = '\u{1f3f4}';
const TAG_FIRST: char = '\u{e0020}';
const TAG_LAST: char = '\u{e007f}';

/// Every string within a value, with its dotted name, and every number that is too long to be left whole.
fn collect_strings<'a>(name: &str, value: &'a Value, strings: &mut Vec<(String, &'a str)>) {
    if let Some(digits) = number::text_of(value) {
        if digits.len() > number::PLAIN_DIGITS_MAX {
            strings.push((name.to_owned(), digits));
        }
        return;
    }
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
