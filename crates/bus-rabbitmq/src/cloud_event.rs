//! CloudEvents in the binary mode of AMQP. In: headers and bytes. Out: one structured event, as JSON.
//!
//! Never: validates the event: the parser of the result names a missing attribute.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use serde_json::{Map, Value, json};

/// Both spellings of the AMQP binding: the second is for clients that cannot put a colon into a header's name.
const PREFIXES: [&str; 2] = ["cloudEvents:", "cloudEvents_"];

/// The event as structured JSON, if the headers say that it is one in binary mode.
pub(crate) fn from_binary(properties: &BasicProperties, body: &[u8]) -> Option<Vec<u8>> {
    let headers = properties.headers().as_ref().map(FieldTable::inner)?;
    let mut event = Map::new();
    for (name, value) in headers {
        let attribute = PREFIXES.iter().find_map(|prefix| name.as_str().strip_prefix(prefix));
        if let (Some(attribute), Some(value)) = (attribute, json_of(value)) {
            event.insert(attribute.to_owned(), value);
        }
    }
    if event.is_empty() {
        return None;
    }
    if let Some(content_type) = properties.content_type() {
        event.insert("datacontenttype".to_owned(), json!(content_type.as_str()));
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(data) => event.insert("data".to_owned(), data),
        Err(_) if body.is_empty() => None,
        // The parser of events refuses it by this name.
        Err(_) => event.insert("data_base64".to_owned(), json!(BASE64_STANDARD.encode(body))),
    };
    Some(Value::Object(event).to_string().into_bytes())
}

fn json_of(value: &AMQPValue) -> Option<Value> {
    Some(match value {
        AMQPValue::LongString(text) => json!(text.to_string()),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::Boolean(claim) => json!(claim),
        AMQPValue::ShortShortInt(number) => json!(number),
        AMQPValue::ShortShortUInt(number) => json!(number),
        AMQPValue::ShortInt(number) => json!(number),
        AMQPValue::ShortUInt(number) => json!(number),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::LongUInt(number) => json!(number),
        AMQPValue::LongLongInt(number) => json!(number),
        // Only `time` is a moment, and it is a text in JSON.
        AMQPValue::Timestamp(seconds) => {
            json!(jiff::Timestamp::from_second(seconds.cast_signed()).ok()?.to_string())
        }
        AMQPValue::Float(_)
        | AMQPValue::Double(_)
        | AMQPValue::DecimalValue(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::ByteArray(_)
        | AMQPValue::Void => return None,
    })
}

#[cfg(test)]
mod tests {
    use domain::event::Event;

    use super::*;

    fn properties(prefix: &str) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (name, value) in [
            ("specversion", "1.0"),
            ("id", "e-1"),
            ("source", "monitor"),
            ("type", "incident.created"),
            ("subject", "db-1"),
            ("time", "2026-01-31T09:30:00Z"),
        ] {
            headers.insert(format!("{prefix}{name}").into(), AMQPValue::LongString(value.into()));
        }
        headers.insert("x-death".into(), AMQPValue::Boolean(true));
        BasicProperties::default().with_headers(headers).with_content_type("application/json".into())
    }

    #[test]
    fn both_spellings_read_as_the_structured_event() {
        let structured = br#"{"specversion":"1.0","id":"e-1","source":"monitor","type":"incident.created",
            "subject":"db-1","time":"2026-01-31T09:30:00Z","data":{"title":"down"}}"#;
        for prefix in PREFIXES {
            let event = from_binary(&properties(prefix), br#"{"title":"down"}"#).unwrap();
            assert_eq!(Event::from_json(&event), Event::from_json(structured));
        }
    }

    #[test]
    fn what_is_no_json_is_named_as_such() {
        let event = from_binary(&properties(PREFIXES[0]), b"\xff\xfe").unwrap();
        assert_eq!(Event::from_json(&event).unwrap_err()[0].pointer, "/data_base64");
    }

    #[test]
    fn a_structured_event_is_left_alone() {
        assert_eq!(from_binary(&BasicProperties::default(), b"{}"), None);
    }
}
