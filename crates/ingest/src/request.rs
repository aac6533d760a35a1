//! The three forms of CloudEvents over HTTP.
//!
//! In: headers and a body. Out: events, and whether they came as a batch.
//! Never: guesses a form that the content type does not name.

use axum::http::{HeaderMap, header};
use domain::{
    event::{Event, is_json_content_type},
    limits::EVENT_BATCH_MAX,
    schema::FieldError,
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// Reads the events of one request, by its content type.
pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<(Vec<Event>, bool), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/cloudevents-batch+json" => Ok((batch(body)?, true)),
        "application/cloudevents+json" => {
            Ok((vec![Event::from_json(body).map_err(Problem::Invalid)?], false))
        }
        _ if headers.contains_key("ce-specversion") => Ok((vec![binary(headers, body, &essence)?], false)),
        // A structured event under its plain JSON name, as most tools send it.
        "application/json" => Ok((vec![Event::from_json(body).map_err(Problem::Invalid)?], false)),
        _ => Err(Problem::UnknownForm),
    }
}

fn batch(body: &[u8]) -> Result<Vec<Event>, Problem> {
    let values: Vec<Value> = serde_json::from_slice(body)
        .map_err(|error| Problem::Unreadable(format!("expected a JSON array of CloudEvents: {error}")))?;
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

/// Attributes in `ce-` headers, percent-encoded; the body is the data.
fn binary(headers: &HeaderMap, body: &[u8], content_type: &str) -> Result<Event, Problem> {
    if !is_json_content_type(content_type) {
        return Err(Problem::UnknownForm);
    }
    let mut attributes = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let pointer = format!("/{attribute}");
        let text =
            value.to_str().ok().and_then(|value| percent_decode_str(value).decode_utf8().ok()).ok_or_else(
                || Problem::Invalid(vec![FieldError::new(pointer, "not percent-encoded UTF-8")]),
            )?;
        attributes.insert(attribute.to_owned(), Value::String(text.into_owned()));
    }
    let data = serde_json::from_slice(body)
        .map_err(|error| Problem::Invalid(vec![FieldError::new("/data", format!("not JSON: {error}"))]))?;
    attributes.insert("data".to_owned(), data);
    Event::from_value(Value::Object(attributes)).map_err(Problem::Invalid)
}
