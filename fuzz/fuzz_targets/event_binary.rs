//! Events in binary mode over HTTP. In: lines of headers, an empty line, and the data. Out: an event that is the same
//! when its attributes are sent again, percent-encoded.
#![no_main]

use domain::{
    cloud_event::{Attributes, Mode, essence, header_text},
    event::{Event, is_json_content_type},
};
use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Reads a request as `ingest` does, whose own function needs a server around it.
fn read(headers: &[(&[u8], &[u8])], body: &[u8]) -> Option<Event> {
    let mut attributes = Attributes::default();
    let mut content_type = "";
    for (name, value) in headers {
        let Ok(name) = str::from_utf8(name) else { continue };
        if name == "content-type" {
            content_type = str::from_utf8(value).unwrap_or_default();
        } else if let Some(attribute) = name.strip_prefix("ce-") {
            attributes.add(attribute, header_text(value)?.into());
        }
    }
    let is_data = body.is_empty() || content_type.is_empty() || is_json_content_type(content_type);
    if Mode::of(content_type, &attributes) != Some(Mode::Binary) || !is_data {
        return None;
    }
    let event = Event::from_value(attributes.with_data(&essence(content_type), body));
    event.inspect_err(|errors| assert!(!errors.is_empty())).ok()
}

fuzz_target!(|input: &[u8]| {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((input, &[][..]), |at| (&input[..at], &input[at + 2..]));
    let headers: Vec<(&[u8], &[u8])> = head
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
        .collect();
    let Some(event) = read(&headers, body) else { return };
    assert_eq!(Event::from_json(&event.to_json()).as_ref(), Ok(&event), "the structured event is the same");

    let time = event.time.map(|time| time.to_string());
    let sent = [
        ("ce-specversion", Some("1.0")),
        ("ce-id", Some(&event.key.id)),
        ("ce-source", Some(&event.key.source)),
        ("ce-type", Some(&event.kind)),
        ("ce-subject", event.subject.as_deref()),
        ("ce-time", time.as_deref()),
        ("ce-traceparent", event.traceparent.as_deref()),
    ];
    let sent: Vec<(&str, String)> = sent
        .into_iter()
        .filter_map(|(name, value)| Some((name, utf8_percent_encode(value?, NON_ALPHANUMERIC).to_string())))
        .collect();
    let headers: Vec<_> = sent.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let data = serde_json::to_vec(&event.data).expect("data is JSON");
    assert_eq!(read(&headers, &data), Some(event));
});
