//! Events as JSON. In: a body, or the beginning of one. Out: an event or a list of events, or what names them.
//!
//! Never: lets one of two values of an attribute replace the other.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Value};

use crate::{limits::ATTRIBUTE_BYTES_MAX, number};

/// The byte order mark that some writers put before JSON.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads JSON that may begin with a byte order mark. An attribute that comes twice is a list of both, and a number that
/// a machine would print in another way keeps its text, as [`Event::from_value`] reads it.
///
/// [`Event::from_value`]: crate::event::Event::from_value
///
/// # Errors
/// When it is no JSON.
pub fn read_json(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let quoted = number::keep_texts(without_bom(bytes));
    let mut json = Deserializer::from_slice(&quoted);
    let value = EventOrBatch { depth: 0 }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// The source and the id of an event, valid or not, as far as they can be read. Holds nothing else of it in memory.
pub fn identity(bytes: &[u8]) -> (Option<String>, Option<String>) {
    let mut found = Identity::default();
    // A body that breaks off names what came before.
    let _ = Deserializer::from_slice(without_bom(bytes)).deserialize_map(&mut found);
    (found.source, found.id)
}

/// The bytes after a byte order mark, if there is one.
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// Adds an attribute. A second value stays beside the first, as a list.
pub(super) fn insert(map: &mut Map<String, Value>, name: String, value: Value) {
    let both = match map.remove(&name) {
        None => value,
        Some(first) => Value::Array(vec![first, value]),
    };
    map.insert(name, both);
}

/// Reads an event, or a list of events, and keeps what comes twice among their attributes.
#[derive(Clone, Copy)]
struct EventOrBatch {
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for EventOrBatch {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EventOrBatch {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CloudEvent")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut attributes = Map::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            insert(&mut attributes, name, value);
        }
        Ok(Value::Object(attributes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut events = Vec::new();
        if self.depth == 0 {
            while let Some(event) = seq.next_element_seed(Self { depth: 1 })? {
                events.push(event);
            }
        } else {
            while let Some(value) = seq.next_element()? {
                events.push(value);
            }
        }
        Ok(Value::Array(events))
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
