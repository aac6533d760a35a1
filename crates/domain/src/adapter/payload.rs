//! What the payloads of all adapters have in common. In: JSON of a tool. Out: texts, digests, bounded texts.
//!
//! Never: fails on a value of an unexpected kind, which is read as a text, or as absent.

use serde_json::{Map, Value};

use crate::{cloud_event::read_json, id::digest, number, schema::FieldError};

/// Reads a body that must be a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Vec<FieldError>> {
    match read_json(body).map_err(|error| vec![error])? {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(vec![FieldError::new("", "expected a JSON object")])
        }
    }
}

/// A value as a text, blanks around it left out; `None` where it is absent, empty, a list or an object.
pub(super) fn text_of(value: Option<&Value>) -> Option<String> {
    let text = match number::nearest(value?) {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The first of these names that has a text.
pub(super) fn first_text(object: Option<&Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text_of(object?.get(*name)))
}

/// Those of these names that the object has.
pub(super) fn only<'a>(
    object: &Map<String, Value>,
    names: impl IntoIterator<Item = &'a str>,
) -> Map<String, Value> {
    names.into_iter().filter_map(|name| Some((name.to_owned(), object.get(name)?.clone()))).collect()
}

/// 24 hex digits of a digest of these parts.
pub(super) fn short_digest(parts: &[&str]) -> String {
    digest(parts)[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text can be what [`short_digest`] makes.
pub(super) fn is_short_digest(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Cuts a text to so many bytes, at a character.
pub(super) fn cut_bytes(text: &mut String, most: usize) {
    while text.len() > most {
        text.pop();
    }
}

/// Cuts a text to so many characters.
pub(super) fn cut_chars(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
}

/// Cuts the longest texts until all fields together have so many bytes of JSON.
pub(super) fn shorten(data: &mut Map<String, Value>, most: usize) {
    while serde_json::to_string(data).is_ok_and(|json| json.len() > most) {
        let texts = data
            .values_mut()
            .filter_map(|value| if let Value::String(text) = value { Some(text) } else { None });
        let Some(longest) = texts.max_by_key(|text| text.len()).filter(|text| !text.is_empty()) else {
            return;
        };
        let half = longest.len() / 2;
        cut_bytes(longest, half);
    }
}
