//! How other people's libraries write CloudEvents, whatever carries them.
//!
//! In: content types, headers and bodies, of HTTP or AMQP. Out: one structured event as JSON, which [`Event`] reads.
//! Never: picks one of two values for an attribute: both stay, as a list, and the parser refuses it by name.
//!
//! [`Event`]: crate::event::Event

mod json;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use json::insert;
use json::without_bom;
pub use json::{identity, read_json};

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
        match read_json(body) {
            Ok(data) => event.insert("data".to_owned(), data),
            // The parser refuses it by this name.
            Err(_) => event.insert("data_base64".to_owned(), BASE64_STANDARD.encode(body).into()),
        };
        Value::Object(event)
    }
}

/// The value of an HTTP header, unquoted and then percent-decoded as section 3.1.3.2 of the HTTP binding says. `None`
/// if that is no UTF-8. Bytes that are none before it are Latin-1, as `fetch` of JavaScript and Python's `http.client`
/// write what is not percent-encoded (RFC 9110, section 5.5).
pub fn header_text(value: &[u8]) -> Option<String> {
    let latin: Vec<u8>;
    let value = if std::str::from_utf8(value).is_ok() {
        value.trim_ascii()
    } else {
        latin = value.trim_ascii().iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes();
        &latin
    };
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

#[cfg(test)]
mod tests;
