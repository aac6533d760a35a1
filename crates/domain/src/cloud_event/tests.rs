//! What libraries write, and what is read of it. In: bodies and headers. Out: events, or errors by attribute.
//!
//! Never: an event that no library would write.

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
        assert_eq!(Event::from_value(attributes().with_data(content_type, b"")).unwrap().data, Map::new());
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
    for time in
        [json!(1_769_851_800), json!(1_769_851_800_000_i64), json!(1_769_851_800.0), json!("1769851800000")]
    {
        let mut event = attributes();
        event.add("time", time.clone());
        assert_eq!(Event::from_value(event.with_data("", b"")).unwrap().time, Some(text), "{time}");
    }
    for time in [json!(1e17), json!("yesterday")] {
        let mut event = attributes();
        event.add("time", time.clone());
        assert_eq!(Event::from_value(event.with_data("", b"")).unwrap().claimed_time(), None, "{time}");
    }
    for time in [json!(true), json!({})] {
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
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/id given more than once"]);
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
fn d8_a_key_that_comes_twice_anywhere_is_refused_by_name() {
    let event = |more: &str| format!(r#"{{"specversion":"1.0","id":"a","source":"m","type":"t",{more}}}"#);
    for (more, pointer) in [
        (r#""data":{"title":"up","title":"down"}"#, "/data/title"),
        (r#""data":{"title":"up","title":"up"}"#, "/data/title"),
        (r#""data":{"hosts":[{"a":1},{"b/c":{"~":1,"n":2,"~":3}}]}"#, "/data/hosts/1/b~1c/~0"),
        (r#""data":{"a":{"b":1,"b":2},"c":1,"c":2}"#, "/data/a/b"),
        (r#""data":{"a":1},"data":{"a":1}"#, "/data"),
        (r#""comment":1,"comment":1"#, "/comment"),
        // {"a":1,"a":2}
        (r#""data_base64":"eyJhIjoxLCJhIjoyfQ==""#, "/data/a"),
    ] {
        let errors = Event::from_json(event(more).as_bytes()).unwrap_err();
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, [format!("{pointer} given more than once")], "{more}");
        let batch = read_json(format!("[{},{}]", event(r#""data":{}"#), event(more)).as_bytes());
        if !more.contains("base64") {
            assert_eq!(batch.unwrap_err().pointer, format!("/1{pointer}"), "{more}");
        }
    }
    let errors = Event::from_value(attributes().with_data("", br#"{"a":1,"a":2}"#)).unwrap_err();
    assert_eq!(errors[0].to_string(), "/data/a given more than once");
    let same_name_elsewhere = r#""data":{"a":{"id":1},"b":[{"id":1},{"id":1}],"id":1}"#;
    assert!(Event::from_json(event(same_name_elsewhere).as_bytes()).is_ok());
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

#[test]
fn half_a_surrogate_pair_is_a_replacement_character_and_the_rest_stays() {
    for (json, expected) in [
        (r#""a\ud83d""#, "a\u{fffd}"),
        (r#""\uD83Dx\uDE00""#, "\u{fffd}x\u{fffd}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\\ud83d""#, r"\ud83d"),
        (r#""\ude00""#, "\u{fffd}"),
    ] {
        assert_eq!(read_json(json.as_bytes()), Ok(expected.into()), "{json}");
    }
    assert!(
        read_json(br#""\ud8"#).is_err() && read_json(br#""\"#).is_err() && read_json(br#""\u12""#).is_err()
    );
    let cut = br#"{"source":"s","id":"\ud83d","data":{"#;
    assert_eq!(identity(cut), (Some("s".to_owned()), Some("\u{fffd}".to_owned())));
}
