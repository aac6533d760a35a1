//! CloudEvents as AMQP carries them. In: properties and bytes. Out: one structured event, as JSON.
//!
//! Never: validates the event: the parser of the result names a missing attribute.

use domain::{
    cloud_event::{Attributes, Mode, essence, read_json, text_of_bytes},
    content_encoding::unpack,
    limits::EVENT_BODY_BYTES_MAX,
};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};

/// Both spellings of the AMQP binding (the second is for clients that cannot put a colon into a header's name), and
/// that of the RabbitMQ binding.
const PREFIXES: [&str; 3] = ["cloudevents:", "cloudevents_", "ce-"];

/// The event as structured JSON, if it is not in the body as it is.
pub(crate) fn structured(properties: &BasicProperties, body: &[u8]) -> Option<Vec<u8>> {
    let text = |property: &Option<lapin::types::ShortString>| {
        property.as_ref().map_or_else(String::new, ToString::to_string)
    };
    let content_type = text(properties.content_type());
    // What cannot be unpacked is no JSON, and the parser says so.
    let plain = unpack(&text(properties.content_encoding()), body, EVENT_BODY_BYTES_MAX).ok();
    let is_packed = plain.as_deref().is_some_and(|plain| plain != body);
    let plain = plain.as_deref().unwrap_or(body);
    let attributes = attributes(properties);
    let is_binary = match Mode::of(&content_type, &attributes) {
        Some(Mode::Binary) => true,
        // Where the body is no event, the headers that repeat it are what is left of its identity.
        Some(Mode::Structured | Mode::Batch) | None => attributes.is_event() && read_json(plain).is_err(),
    };
    if is_binary {
        return Some(attributes.with_data(&essence(&content_type), plain).to_string().into_bytes());
    }
    is_packed.then(|| plain.to_vec())
}

fn attributes(properties: &BasicProperties) -> Attributes {
    let mut attributes = Attributes::default();
    for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        let name = name.as_str().to_ascii_lowercase();
        if let Some(attribute) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
            attributes.add_spelling(attribute, json_of(value));
        }
    }
    attributes
}

/// A value that no attribute can have stays one that the parser refuses by the attribute's name.
pub(crate) fn json_of(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::LongString(text) => text_of_bytes(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => text_of_bytes(bytes.as_slice()),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::Boolean(claim) => json!(claim),
        AMQPValue::ShortShortInt(number) => json!(number),
        AMQPValue::ShortShortUInt(number) => json!(number),
        AMQPValue::ShortInt(number) => json!(number),
        AMQPValue::ShortUInt(number) => json!(number),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::LongUInt(number) => json!(number),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::Float(number) => json!(number),
        AMQPValue::Double(number) => json!(number),
        // Seconds in AMQP 0-9-1, milliseconds from clients that think of 1.0; the parser tells them apart.
        AMQPValue::Timestamp(time) => json!(time),
        AMQPValue::DecimalValue(_) | AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) => json!({}),
        AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
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

    fn read(properties: &BasicProperties, body: &[u8]) -> Event {
        Event::from_json(&structured(properties, body).unwrap()).unwrap()
    }

    fn with(properties: &BasicProperties, name: &str, value: AMQPValue) -> BasicProperties {
        let mut headers = properties.headers().clone().unwrap();
        headers.insert(name.into(), value);
        properties.clone().with_headers(headers)
    }

    #[test]
    fn d3_all_spellings_read_as_the_structured_event() {
        let expected = br#"{"specversion":"1.0","id":"e-1","source":"monitor","type":"incident.created",
            "subject":"db-1","time":"2026-01-31T09:30:00Z","data":{"title":"down"}}"#;
        for prefix in ["cloudEvents:", "cloudEvents_", "ce-"] {
            assert_eq!(
                Ok(read(&properties(prefix), br#"{"title":"down"}"#)),
                Event::from_json(expected),
                "{prefix}"
            );
        }
    }

    #[test]
    fn d4_a_structured_event_wins_over_its_headers() {
        let properties = properties("ce-").with_content_type("application/cloudevents+json".into());
        assert_eq!(structured(&properties, br#"{"id":"e-2"}"#), None);
    }

    #[test]
    fn d5_a_time_is_an_amqp_timestamp_or_milliseconds() {
        let text = read(&properties("ce-"), b"").time;
        for time in [
            AMQPValue::Timestamp(1_769_851_800),
            AMQPValue::Timestamp(1_769_851_800_000),
            AMQPValue::LongLongInt(1_769_851_800_000),
            AMQPValue::LongInt(1_769_851_800),
            AMQPValue::Double(1_769_851_800.0),
        ] {
            assert_eq!(read(&with(&properties("ce-"), "ce-time", time.clone()), b"").time, text, "{time:?}");
        }
    }

    #[test]
    fn d8_bytes_are_texts_and_two_values_are_refused_by_name() {
        let bytes = AMQPValue::ByteArray(b"e-9".as_slice().into());
        assert_eq!(read(&with(&properties("ce-"), "ce-id", bytes), b"").key.id, "e-9");
        for (name, value) in [
            ("cloudEvents:id", AMQPValue::LongString("e-2".into())),
            ("ce-ID", AMQPValue::LongString("e-2".into())),
            ("ce-id", AMQPValue::ByteArray(b"\xff".as_slice().into())),
            ("ce-id", AMQPValue::FieldTable(FieldTable::default())),
        ] {
            let event = structured(&with(&properties("ce-"), name, value), b"").unwrap();
            assert_eq!(Event::from_json(&event).unwrap_err()[0].pointer, "/id", "{name}");
        }
        let again = AMQPValue::LongString("e-1".into());
        assert_eq!(read(&with(&properties("ce-"), "cloudEvents_id", again), b"").key.id, "e-1");
    }

    #[test]
    fn d9_what_is_no_json_keeps_its_identity_in_both_modes() {
        for content_type in ["application/json", "application/cloudevents+json", "text/plain"] {
            let properties = properties("cloudEvents:").with_content_type(content_type.into());
            let event = structured(&properties, b"\xff\xfe").unwrap();
            let errors = Event::from_json(&event).unwrap_err();
            assert_eq!(errors.last().unwrap().pointer, "/data_base64");
            let known = (Some("monitor".to_owned()), Some("e-1".to_owned()));
            assert_eq!(domain::cloud_event::identity(&event), known);
        }
    }

    #[test]
    fn d10_a_packed_event_is_unpacked_and_a_character_set_packs_nothing() {
        // `{"a":1}`, packed.
        let packed = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 84, 178, 50, 172, 5, 0, 175, 172, 27, 86, 7, 0, 0,
            0,
        ];
        let gzip = BasicProperties::default().with_content_encoding("gzip".into());
        assert_eq!(structured(&gzip, &packed).as_deref(), Some(&b"{\"a\":1}"[..]));
        let utf8 = properties("ce-").with_content_encoding("utf-8".into());
        assert_eq!(read(&utf8, b"\xef\xbb\xbf{\"a\":1}").data["a"], 1);
    }

    #[test]
    fn a_structured_event_is_left_alone() {
        assert_eq!(structured(&BasicProperties::default(), b"{}"), None);
    }

    /// What `tests/cloudevents/record.py` and `record.js` wrote.
    #[test]
    fn what_the_sdks_write_over_amqp_is_taken() {
        for recorded in [
            include_str!("../../../tests/cloudevents/python.json"),
            include_str!("../../../tests/cloudevents/javascript.json"),
        ] {
            let recorded: Value = serde_json::from_str(recorded).unwrap();
            for case in
                recorded["cases"].as_array().unwrap().iter().filter(|case| case["transport"] == "amqp")
            {
                let mut headers = FieldTable::default();
                for (name, value) in case["headers"].as_object().unwrap() {
                    let value = value.as_i64().map_or_else(
                        || AMQPValue::LongString(value.as_str().unwrap().into()),
                        AMQPValue::LongLongInt,
                    );
                    headers.insert(name.as_str().into(), value);
                }
                let mut properties = BasicProperties::default().with_headers(headers);
                if let Some(content_type) = case["content_type"].as_str() {
                    properties = properties.with_content_type(content_type.into());
                }
                let body = BASE64_STANDARD.decode(case["body"].as_str().unwrap()).unwrap();
                let event = structured(&properties, &body).unwrap_or(body);
                let event = Event::from_json(&event).unwrap_or_else(|errors| panic!("{case}: {errors:?}"));
                assert_eq!((event.key.source.as_str(), event.key.id.as_str()), ("monitoring", "e-1"));
                assert!(["db-1", "db \"eins\" ü"].contains(&event.subject.as_deref().unwrap()), "{event:?}");
                assert_eq!(event.time, Some("2026-01-31T09:30:00Z".parse().unwrap()));
                let has_data = !case["name"].as_str().unwrap().ends_with("without data");
                assert_eq!(event.data.contains_key("title"), has_data, "{case}");
            }
        }
    }
}
