//! How other people's libraries write CloudEvents, whatever carries them.
//!
//! In: content types, headers and bodies, of HTTP or AMQP. Out: one structured event as JSON, which [`Event`] reads.
//! Never: picks one of two values for an attribute: both stay, as a list, and the parser refuses it by name.
//!
//! [`Event`]: crate::event::Event

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use percent_encoding::percent_decode;
use serde::de::{DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Value};

use crate::{limits::ATTRIBUTE_BYTES_MAX, long_number};

/// The byte order mark that some writers put before JSON.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Without one of these, headers that look like attributes are no event.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];
/// A number of at least this size is a time in milliseconds, a smaller one in seconds: as seconds it is the year 5138,
/// as milliseconds 1973.
const MILLISECONDS_MIN: f64 = 1e11;

/// How a message carries an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The body is the event.
    Structured,
    /// The body is a list of events.
    Batch,
    /// Headers are the attributes, and the body is the data.
    Binary,
}

impl Mode {
    /// The mode of a message. The content type decides: a structured message may repeat its attributes in headers.
    pub fn of(content_type: &str, headers: &Attributes) -> Option<Self> {
        match essence(content_type).as_str() {
            "application/cloudevents-batch+json" => Some(Self::Batch),
            "application/cloudevents+json" => Some(Self::Structured),
            // Another format, such as Avro or XML.
            other if other.starts_with("application/cloudevents") => None,
            _ if headers.is_event() => Some(Self::Binary),
            // A structured event under its plain JSON name, as many tools send it.
            "application/json" => Some(Self::Structured),
            _ => None,
        }
    }
}

/// A content type without its parameters, in lower case.
pub fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The attributes that headers carry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(Map<String, Value>);

impl Attributes {
    /// Adds an attribute under its name without the prefix. A second value stays beside the first.
    pub fn add(&mut self, name: &str, value: Value) {
        insert(&mut self.0, name.to_ascii_lowercase(), value);
    }

    /// Adds an attribute that two spellings of one header may repeat: the same value again changes nothing.
    pub fn add_spelling(&mut self, name: &str, value: Value) {
        if self.0.get(&name.to_ascii_lowercase()) != Some(&value) {
            self.add(name, value);
        }
    }

    /// Whether these are an event's.
    pub fn is_event(&self) -> bool {
        REQUIRED.iter().any(|name| self.0.contains_key(*name))
    }

    /// The structured event of a message in binary mode. An empty body is no data, whatever its type.
    pub fn with_data(self, content_type: &str, body: &[u8]) -> Value {
        let Self(mut event) = self;
        let body = without_bom(body);
        if body.trim_ascii().is_empty() {
            event.remove("datacontenttype");
            return Value::Object(event);
        }
        if !content_type.trim().is_empty() {
            event.insert("datacontenttype".to_owned(), content_type.into());
        }
        // Headers named so are no attributes, and the body would be lost beside them.
        event.remove("data");
        event.remove("data_base64");
        match serde_json::from_slice::<Value>(&long_number::quoted(body)) {
            Ok(data) => event.insert("data".to_owned(), data),
            // The parser refuses it by this name.
            Err(_) => event.insert("data_base64".to_owned(), BASE64_STANDARD.encode(body).into()),
        };
        Value::Object(event)
    }
}

/// The value of an HTTP header, unquoted and then percent-decoded as section 3.1.3.2 of the HTTP binding says. `None`
/// if that is no UTF-8.
pub fn header_text(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let unquoted = quoted.map_or_else(|| value.to_vec(), unescaped);
    percent_decode(&unquoted).decode_utf8().ok().map(|text| text.into_owned())
}

fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = quoted.iter();
    let mut plain = Vec::with_capacity(quoted.len());
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    plain
}

/// An attribute's bytes as a text; those that are no UTF-8 as an object, which the parser refuses by name.
pub fn text_of_bytes(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes)
        .map_or_else(|_| serde_json::json!({ "not_utf8_base64": BASE64_STANDARD.encode(bytes) }), Value::from)
}

/// Reads JSON that may begin with a byte order mark. An attribute that comes twice is a list of both, and a whole number
/// that no machine word holds is a string of its digits.
///
/// # Errors
/// When it is no JSON.
pub fn read_json(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let quoted = long_number::quoted(without_bom(bytes));
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

/// Base64 as it is written: with or without padding, in either alphabet.
pub(crate) fn base64_of(text: &str) -> Option<Vec<u8>> {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace() && *c != '=')
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    base64::prelude::BASE64_STANDARD_NO_PAD.decode(plain).ok()
}

/// A time that is a number: milliseconds since 1970, or seconds where that is the plausible reading.
pub(crate) fn time_of_number(number: f64) -> Option<Timestamp> {
    let ms = if number.abs() < MILLISECONDS_MIN { number * 1_000.0 } else { number };
    // Past the year 5138 it is neither.
    (ms.abs() < MILLISECONDS_MIN * 1_000.0).then(|| Timestamp::from_millisecond(ms.round() as i64).ok())?
}

pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

fn insert(map: &mut Map<String, Value>, name: String, value: Value) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Event;

    fn attributes() -> Attributes {
        let mut attributes = Attributes::default();
        for (name, value) in
            [("specversion", "1.0"), ("id", "e-1"), ("source", "monitoring"), ("type", "incident.created")]
        {
            attributes.add(name, value.into());
        }
        attributes
    }

    #[test]
    fn d2_an_event_without_data_has_no_data_whatever_its_content_type() {
        for content_type in ["", "application/json", "text/plain"] {
            assert_eq!(
                Event::from_value(attributes().with_data(content_type, b"")).unwrap().data,
                Map::new()
            );
        }
    }

    #[test]
    fn d4_the_content_type_decides_on_the_mode_before_any_header() {
        for (content_type, with_headers, without) in [
            ("application/cloudevents+json; charset=utf-8", Some(Mode::Structured), Some(Mode::Structured)),
            ("Application/CloudEvents-Batch+JSON", Some(Mode::Batch), Some(Mode::Batch)),
            ("application/cloudevents+avro", None, None),
            ("application/json", Some(Mode::Binary), Some(Mode::Structured)),
            ("", Some(Mode::Binary), None),
            ("text/plain", Some(Mode::Binary), None),
        ] {
            assert_eq!(Mode::of(content_type, &attributes()), with_headers, "{content_type}");
            assert_eq!(Mode::of(content_type, &Attributes::default()), without, "{content_type}");
        }
    }

    #[test]
    fn d5_a_time_in_milliseconds_or_seconds_is_the_text_s_moment() {
        let text: Timestamp = "2026-01-31T09:30:00Z".parse().unwrap();
        for time in [
            json!(1_769_851_800),
            json!(1_769_851_800_000_i64),
            json!(1_769_851_800.0),
            json!("1769851800000"),
        ] {
            let mut event = attributes();
            event.add("time", time.clone());
            assert_eq!(Event::from_value(event.with_data("", b"")).unwrap().time, Some(text), "{time}");
        }
        for time in [json!(1e17), json!(true), json!("yesterday"), json!({})] {
            let mut event = attributes();
            event.add("time", time.clone());
            let errors = Event::from_value(event.with_data("", b"")).unwrap_err();
            assert_eq!(errors[0].pointer, "/time", "{time}");
        }
    }

    #[test]
    fn d6_json_in_base64_is_the_data() {
        let event = |more: &[(&str, &str)]| {
            let mut event = attributes();
            more.iter().for_each(|(name, value)| event.add(name, (*value).into()));
            Event::from_value(event.with_data("", b""))
        };
        for text in ["eyJhIjoiPz8+In0=", "eyJhIjoiPz8-In0", "77u/eyJhIjoiPz8+In0="] {
            let taken = event(&[("data_base64", text)]).unwrap();
            assert_eq!(Value::Object(taken.data), json!({"a": "??>"}), "{text}");
        }
        for (text, complaint) in [
            ("AA==", "/data_base64 not JSON"),
            ("%", "/data_base64 not base64"),
            ("WzFd", "/data_base64 expected a JSON object"),
        ] {
            let errors = event(&[("data_base64", text)]).unwrap_err();
            assert!(errors[0].to_string().starts_with(complaint), "{errors:?}");
        }
    }

    #[test]
    fn d7_a_header_is_unquoted_and_then_decoded() {
        for (header, text) in [
            (&b"db-1"[..], "db-1"),
            (b"\"db-1\"", "db-1"),
            (b"\"say \\\"hi\\\" \\\\ %C3%BC\"", "say \"hi\" \\ ü"),
            (b"Euro%20%E2%82%AC", "Euro €"),
            (b"%22db-1%22", "\"db-1\""),
            (b"100%", "100%"),
            (b"\"", "\""),
            ("gr\u{fc}n".as_bytes(), "grün"),
        ] {
            assert_eq!(header_text(header).as_deref(), Some(text));
        }
        assert_eq!(header_text(b"%FF"), None);
    }

    #[test]
    fn d8_an_attribute_that_comes_twice_is_refused_by_name() {
        let twice = br#"{"specversion":"1.0","id":"a","id":"b","source":"m","type":"t"}"#;
        let errors = Event::from_json(twice).unwrap_err();
        assert_eq!(errors[0].to_string(), "/id given more than once, or as a list; expected one string");
        let mut headers = attributes();
        headers.add("ID", "e-1".into());
        assert_eq!(Event::from_value(headers.with_data("", b"")).unwrap_err()[0].pointer, "/id");
        let mut spellings = attributes();
        spellings.add_spelling("id", "e-1".into());
        assert!(Event::from_value(spellings.clone().with_data("", b"")).is_ok());
        spellings.add_spelling("id", "e-2".into());
        assert!(Event::from_value(spellings.with_data("", b"")).is_err());
    }

    #[test]
    fn d9_an_invalid_event_has_an_identity_as_far_as_it_can_be_read() {
        let whole = br#"{"data":{"id":"other"},"id":"e-1","source":"monitoring","type":7}"#;
        let both = (Some("monitoring".to_owned()), Some("e-1".to_owned()));
        assert_eq!(identity(whole), both);
        assert_eq!(identity(br#"{"source":"monitoring","id":"e-1","data":{"tit"#), both);
        assert_eq!(identity(br#"{"id":["a","b"]}"#), (None, Some(r#"["a","b"]"#.to_owned())));
        assert_eq!(identity(b"\xff\xfe"), (None, None));
    }

    #[test]
    fn d10_a_byte_order_mark_before_json_is_not_read() {
        let event = attributes().with_data("application/json", b"\xef\xbb\xbf{\"a\":1}");
        let structured = [&b"\xef\xbb\xbf"[..], event.to_string().as_bytes()].concat();
        let taken = Event::from_json(&structured).unwrap();
        assert_eq!(Value::Object(taken.data), json!({"a": 1}));
        assert_eq!(identity(&structured).1.as_deref(), Some("e-1"));
    }
}
