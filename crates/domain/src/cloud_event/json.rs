//! Events as JSON. In: a body, or the beginning of one. Out: an event or a list of events, or what names them.
//!
//! Never: lets one of two values of a key replace the other.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Value};

use crate::{
    limits::ATTRIBUTE_BYTES_MAX,
    number,
    schema::{FieldError, pointer_token},
};

/// The byte order mark that some writers put before JSON.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads JSON that may begin with a byte order mark. Half a surrogate pair, as JavaScript writes a text that was cut
/// within an emoji, is read as U+FFFD. A number that a machine would print in another way keeps its text,
/// as [`Event::from_value`] reads it.
///
/// [`Event::from_value`]: crate::event::Event::from_value
///
/// # Errors
/// When it is no JSON, at the root; or where an object has a key twice.
pub fn read_json(bytes: &[u8]) -> Result<Value, FieldError> {
    let whole = with_whole_characters(without_bom(bytes));
    let quoted = number::keep_texts(&whole);
    let mut json = Deserializer::from_slice(&quoted);
    let mut repeated = None;
    let value = UniqueKeys(&mut repeated).deserialize(&mut json);
    match value.and_then(|value| json.end().map(|()| value)) {
        Err(error) => Err(FieldError::new("", format!("not JSON: {error}"))),
        Ok(value) => {
            repeated.map_or(Ok(value), |pointer| Err(FieldError::new(pointer, "given more than once")))
        }
    }
}

/// The source and the id of an event, valid or not, as far as they can be read. Holds nothing else of it in memory.
pub fn identity(bytes: &[u8]) -> (Option<String>, Option<String>) {
    let mut found = Identity::default();
    // A body that breaks off names what came before.
    let whole = with_whole_characters(without_bom(bytes));
    let _ = Deserializer::from_slice(&whole).deserialize_map(&mut found);
    (found.source, found.id)
}

/// The bytes after a byte order mark, if there is one.
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// JSON in which each escaped half of a surrogate pair without its other half is U+FFFD.
fn with_whole_characters(json: &[u8]) -> Cow<'_, [u8]> {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut whole, mut copied, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        let is_low = |unit| matches!(unit, Some(0xdc00..=0xdfff));
        match unit(at) {
            Some(0xd800..=0xdbff) if is_low(unit(at + 6)) => at += 12,
            Some(0xd800..=0xdfff) => {
                whole.extend_from_slice(&json[copied..at]);
                whole.extend_from_slice(b"\\ufffd");
                at += 6;
                copied = at;
            }
            // The next character is escaped, and begins nothing.
            Some(_) | None => at = (at + 2).min(json.len()),
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    whole.extend_from_slice(&json[copied..]);
    Cow::Owned(whole)
}

/// Adds an attribute. A second value stays beside the first, as a list.
pub(super) fn insert(map: &mut Map<String, Value>, name: String, value: Value) {
    let both = match map.remove(&name) {
        None => value,
        Some(first) => Value::Array(vec![first, value]),
    };
    map.insert(name, both);
}

/// Reads a value, and notes where its first key is that comes twice in one object, as a JSON pointer.
struct UniqueKeys<'a>(&'a mut Option<String>);

impl UniqueKeys<'_> {
    /// Reads what is below this value, under a name or an index.
    fn below<T, E>(&mut self, name: &str, read: impl FnOnce(UniqueKeys<'_>) -> Result<T, E>) -> Result<T, E> {
        let was_found = self.0.is_some();
        let value = read(UniqueKeys(self.0));
        if let Some(pointer) = self.0.as_mut().filter(|_| !was_found) {
            pointer.insert_str(0, &format!("/{}", pointer_token(name)));
        }
        value
    }
}

impl<'de> DeserializeSeed<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = self.below(&name, |below| map.next_value_seed(below))?;
            if object.contains_key(&name) && self.0.is_none() {
                *self.0 = Some(format!("/{}", pointer_token(&name)));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = self.below(&list.len().to_string(), |below| seq.next_element_seed(below))? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bool<E>(self, claim: bool) -> Result<Value, E> {
        Ok(claim.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[derive(Default)]
struct Identity {
    source: Option<String>,
    id: Option<String>,
}

impl<'de> Visitor<'de> for &mut Identity {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CloudEvent")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "source" => self.source = shown(&map.next_value()?),
                "id" => self.id = shown(&map.next_value()?),
                _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// What an operator is shown of an attribute that may be wrong.
fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let mut shown = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if shown.len() + c.len_utf8() > ATTRIBUTE_BYTES_MAX {
            break;
        }
        shown.push(c);
    }
    (!shown.is_empty()).then_some(shown)
}
