//! The three forms of CloudEvents over HTTP.
//!
//! In: headers and a body. Out: events, and whether they came as a batch.
//! Never: guesses a form that the content type does not name.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use domain::{
    cloud_event::{Attributes, Mode, essence, header_text, read_json},
    content_encoding::{UnpackError, unpack},
    event::{Event, is_json_content_type},
    limits::{EVENT_BATCH_MAX, EVENT_BODY_BYTES_MAX},
    schema::FieldError,
};
use serde_json::Value;

use super::Problem;

/// Reads the events of one request, by its content type.
///
/// # Errors
/// What is wrong with the request, or with which events.
pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<(Vec<Event>, bool), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let body = unpacked(headers, body, EVENT_BODY_BYTES_MAX)?;
    match Mode::of(content_type, &attributes(headers)?) {
        Some(Mode::Batch) => Ok((batch(&body)?, true)),
        Some(Mode::Structured) => Ok((vec![Event::from_json(&body).map_err(Problem::Invalid)?], false)),
        Some(Mode::Binary) => Ok((vec![binary(attributes(headers)?, content_type, &body)?], false)),
        None => Err(Problem::UnknownForm),
    }
}

/// The ids of the events of a request that was not taken, as far as it can be read.
pub fn ids(headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    if let Some(id) = headers.get("ce-id").and_then(|value| header_text(value.as_bytes())) {
        return vec![id];
    }
    let body = unpacked(headers, body, EVENT_BODY_BYTES_MAX).ok();
    let id_of = |event: &Value| event.get("id").and_then(Value::as_str).map(str::to_owned);
    match body.and_then(|body| read_json(&body).ok()) {
        Some(Value::Array(events)) => events.iter().filter_map(id_of).collect(),
        Some(event) => id_of(&event).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The body without its content encodings, in so many bytes at most.
///
/// # Errors
/// When it is packed in a way that is not taken, is broken, or is too large.
pub fn unpacked<'a>(headers: &HeaderMap, body: &'a [u8], most: usize) -> Result<Cow<'a, [u8]>, Problem> {
    let encodings: Vec<_> = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .map(|v| String::from_utf8_lossy(v.as_bytes()))
        .collect();
    unpack(&encodings.join(", "), body, most).map_err(|error| match error {
        UnpackError::Unknown(_) => Problem::Encoding(error),
        UnpackError::TooLarge(_) if most == EVENT_BODY_BYTES_MAX => Problem::TooLarge,
        UnpackError::TooLarge(_) => Problem::NotificationTooLarge(most),
        UnpackError::Broken => Problem::Unreadable(error.to_string()),
    })
}

fn batch(body: &[u8]) -> Result<Vec<Event>, Problem> {
    let expected = |what: &str| Problem::Unreadable(format!("expected a JSON array of CloudEvents: {what}"));
    let Value::Array(values) = read_json(body).map_err(|error| Problem::Invalid(vec![error]))? else {
        return Err(expected("it is no array"));
    };
    if values.is_empty() {
        return Err(Problem::Unreadable("the batch is empty".to_owned()));
    }
    if values.len() > EVENT_BATCH_MAX {
        return Err(Problem::TooLarge);
    }
    let mut events = Vec::with_capacity(values.len());
    let mut errors = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        match Event::from_value(value) {
            Ok(event) => events.push(event),
            Err(wrong) => errors.extend(
                wrong.into_iter().map(|e| FieldError::new(format!("/{index}{}", e.pointer), e.message)),
            ),
        }
    }
    if errors.is_empty() { Ok(events) } else { Err(Problem::Invalid(errors)) }
}

/// The attributes in `ce-` headers.
fn attributes(headers: &HeaderMap) -> Result<Attributes, Problem> {
    let mut attributes = Attributes::default();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let text = header_text(value.as_bytes()).ok_or_else(|| {
            Problem::Invalid(vec![FieldError::new(format!("/{attribute}"), "not percent-encoded UTF-8")])
        })?;
        attributes.add(attribute, text.into());
    }
    Ok(attributes)
}

/// The body is the data; without a content type it is JSON, as libraries send it.
fn binary(attributes: Attributes, content_type: &str, body: &[u8]) -> Result<Event, Problem> {
    if !body.is_empty() && !content_type.is_empty() && !is_json_content_type(content_type) {
        return Err(Problem::UnknownForm);
    }
    Event::from_value(attributes.with_data(&essence(content_type), body)).map_err(Problem::Invalid)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::http::{HeaderName, HeaderValue, StatusCode};
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;

    use super::*;

    const REQUIRED: [(&str, &str); 4] = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e-1"),
        ("ce-source", "monitoring"),
        ("ce-type", "incident.created"),
    ];

    fn headers(more: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in REQUIRED.iter().chain(more) {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), value);
        }
        headers
    }

    fn one(more: &[(&str, &str)], body: &[u8]) -> Event {
        read(&headers(more), body).unwrap().0.remove(0)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn d1_a_binary_event_without_a_content_type_is_json() {
        assert_eq!(Value::Object(one(&[], b"{\"a\":1}").data), json!({"a": 1}));
        let error = read(&headers(&[("content-type", "text/plain")]), b"{}").unwrap_err();
        assert_eq!(error.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    #[test]
    fn a11_a_number_is_taken_in_every_form_and_is_the_same_however_it_is_written() {
        let structured = |data: &str| {
            let body = format!(
                r#"{{"specversion":"1.0","id":"e-1","source":"s","type":"incident.created","data":{data}}}"#
            );
            one(&[("content-type", "application/cloudevents+json")], body.as_bytes())
        };
        for (written, again) in [("1.0", "1"), ("12.50", "12.5"), ("1e400", "10e399")] {
            let data = |number: &str| format!(r#"{{"n":{number}}}"#);
            let binary = one(&[], data(written).as_bytes());
            assert_eq!(binary.data, structured(&data(written)).data);
            assert_eq!(binary.content(), structured(&data(again)).content(), "{written} and {again}");
        }
    }

    #[test]
    fn d2_a_binary_event_without_data_is_taken() {
        for more in [&[][..], &[("content-type", "application/json")], &[("content-type", "text/plain")]] {
            assert!(one(more, b"").data.is_empty());
        }
    }

    #[test]
    fn d4_a_structured_event_wins_over_its_headers() {
        let body = br#"{"specversion":"1.0","id":"e-2","source":"s","type":"t"}"#;
        let event = one(&[("content-type", "application/cloudevents+json; charset=utf-8")], body);
        assert_eq!(event.key.id, "e-2");
    }

    #[test]
    fn d7_a_quoted_and_encoded_subject_is_the_structured_one() {
        assert_eq!(one(&[("ce-subject", "\"db-1\"")], b"").subject.as_deref(), Some("db-1"));
        assert_eq!(one(&[("ce-subject", "db%20%22%C3%BC%22")], b"").subject.as_deref(), Some("db \"ü\""));
    }

    #[test]
    fn d7_a_subject_in_latin_1_is_taken() {
        let mut headers = headers(&[]);
        headers.insert("ce-subject", HeaderValue::from_bytes(b"Gr\xf6\xdfe 1").unwrap());
        assert_eq!(read(&headers, b"{}").unwrap().0[0].subject.as_deref(), Some("Größe 1"));
        headers.insert("ce-subject", HeaderValue::from_static("%F6"));
        assert!(read(&headers, b"{}").is_err(), "percent-encoding is of UTF-8");
    }

    #[test]
    fn d8_two_headers_of_one_attribute_are_refused_by_name() {
        for second in ["e-1", "e-2"] {
            let Err(Problem::Invalid(errors)) = read(&headers(&[("ce-id", second)]), b"{}") else {
                panic!("one of two ids was taken")
            };
            assert!(errors[0].to_string().starts_with("/id given more than once"), "{errors:?}");
        }
    }

    #[test]
    fn d10_gzip_and_a_byte_order_mark_are_taken_within_the_bound() {
        let body = gzip(b"\xef\xbb\xbf{\"a\":1}");
        assert_eq!(Value::Object(one(&[("content-encoding", "gzip")], &body).data), json!({"a": 1}));
        let bomb = gzip(&vec![b' '; EVENT_BODY_BYTES_MAX + 1]);
        let error = read(&headers(&[("content-encoding", "gzip")]), &bomb).unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let error = read(&headers(&[("content-encoding", "br")]), b"{}").unwrap_err();
        assert_eq!(error.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(error.to_string().contains("\"br\""), "{error}");
    }

    /// What `tests/cloudevents/record.py` and `record.js` wrote.
    #[test]
    fn what_the_sdks_write_over_http_is_taken() {
        for recorded in [
            include_str!("../../../../tests/cloudevents/python.json"),
            include_str!("../../../../tests/cloudevents/javascript.json"),
        ] {
            let recorded: Value = serde_json::from_str(recorded).unwrap();
            for case in
                recorded["cases"].as_array().unwrap().iter().filter(|case| case["transport"] == "http")
            {
                let mut headers = HeaderMap::new();
                let sent = case["headers"].as_object().unwrap().iter();
                let content_type =
                    Some(("content_type", &case["content_type"])).filter(|(_, value)| value.is_string());
                for (name, value) in sent.map(|(name, value)| (name.as_str(), value)).chain(content_type) {
                    let name = name.replace("content_type", "content-type");
                    headers.insert(
                        name.parse::<HeaderName>().unwrap(),
                        value.as_str().unwrap().parse().unwrap(),
                    );
                }
                let body = BASE64_STANDARD.decode(case["body"].as_str().unwrap()).unwrap();
                let (events, is_batch) =
                    read(&headers, &body).unwrap_or_else(|error| panic!("{case}: {error:?}"));
                assert_eq!(is_batch, case["name"] == "http batch");
                for event in events {
                    assert_eq!((event.key.source.as_str(), event.key.id.as_str()), ("monitoring", "e-1"));
                    assert!(
                        ["db-1", "db \"eins\" ü"].contains(&event.subject.as_deref().unwrap()),
                        "{event:?}"
                    );
                    assert_eq!(event.time, Some("2026-01-31T09:30:00Z".parse().unwrap()));
                    let title = event.data.get("title").and_then(Value::as_str);
                    let has_data = !case["name"].as_str().unwrap().ends_with("without data");
                    assert_eq!(title, has_data.then_some("Größe 5 % \"über\""), "{case}");
                }
            }
        }
    }
}
