//! The attributes of a CloudEvent, one by one. In: the JSON object of an event. Out: values, or what is wrong with each.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    cloud_event,
    limits::{ATTRIBUTE_BYTES_MAX, EVENT_DATA_BYTES_MAX},
    number,
    schema::FieldError,
};

/// Most digits of a fraction of a second that are read.
const FRACTION_DIGITS_MAX: usize = 9;

pub(super) fn required_text(
    attributes: &mut Map<String, Value>,
    name: &str,
    errors: &mut Vec<FieldError>,
) -> String {
    if attributes.get(name).is_some_and(|value| value == "") {
        errors.push(FieldError::new(format!("/{name}"), "must not be empty"));
        return String::new();
    }
    let errors_before = errors.len();
    let text = optional_text(attributes, name, errors);
    if text.is_none() && errors.len() == errors_before {
        errors.push(FieldError::new(format!("/{name}"), "required"));
    }
    text.unwrap_or_default()
}

/// A text that may be absent; an empty one, as templates and headers write it for none, is.
pub(super) fn optional_text(
    attributes: &mut Map<String, Value>,
    name: &str,
    errors: &mut Vec<FieldError>,
) -> Option<String> {
    let wrong = match attributes.remove(name)? {
        Value::Null => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) if text.len() > ATTRIBUTE_BYTES_MAX => {
            format!("longer than {ATTRIBUTE_BYTES_MAX} bytes")
        }
        Value::String(text) if text.chars().any(char::is_control) => "contains control characters".to_owned(),
        Value::String(text) => return Some(text),
        Value::Array(_) => "given more than once, or as a list; expected one string".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => "expected a string".to_owned(),
    };
    errors.push(FieldError::new(format!("/{name}"), wrong));
    None
}

/// What a time that cannot be read counts as: none, which the sender is told. A page is not refused for it.
const UNREADABLE: Timestamp = Timestamp::UNIX_EPOCH;

/// A time as a text, or as the number that AMQP and many languages write.
pub(super) fn time_of(
    attributes: &mut Map<String, Value>,
    errors: &mut Vec<FieldError>,
) -> Option<Timestamp> {
    let is_number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let number = match attributes.get("time").map(number::nearest) {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) if is_number(&text) => text.parse().ok(),
        _ => None,
    };
    let time = if let Some(number) = number {
        attributes.remove("time");
        cloud_event::time_of_number(number)
    } else {
        rfc3339(&optional_text(attributes, "time", errors)?)
    };
    Some(time.unwrap_or(UNREADABLE))
}

/// A time as RFC 3339 writes it. Digits beyond nanoseconds are cut, and a year that is too late is the end of time.
fn rfc3339(text: &str) -> Option<Timestamp> {
    if !has_possible_offset(text) {
        return None;
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let cut = text.find('.').map(|dot| (dot + 1, dot + 1 + digits(&text[dot + 1..])));
    let cut = cut.filter(|(from, to)| to - from > FRACTION_DIGITS_MAX);
    let text = cut.map_or_else(
        || text.to_owned(),
        |(from, to)| format!("{}{}", &text[..from + FRACTION_DIGITS_MAX], &text[to..]),
    );
    text.parse().ok().or_else(|| text.starts_with("9999-12-3").then_some(Timestamp::MAX))
}

/// Whether an offset from UTC is one of a day's: 23:59 at most, as RFC 3339 says.
fn has_possible_offset(text: &str) -> bool {
    let time_of_day = text.get("2026-01-31T".len()..).unwrap_or_default();
    let Some((_, offset)) = time_of_day.rsplit_once(['+', '-']) else { return true };
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    let is_below =
        |part: Option<&str>, end: u8| part.is_none_or(|part| part.parse::<u8>().is_ok_and(|part| part < end));
    is_below(digits.get(..2), 24) && is_below(digits.get(2..4), 60)
}

/// The JSON that came as `data_base64`: libraries write bytes so, whatever their content type. The content type is
/// checked already, and without one it is JSON.
pub(super) fn data_of_base64(
    attributes: &mut Map<String, Value>,
    errors: &mut Vec<FieldError>,
) -> Option<Value> {
    let mut refuse = |wrong: &str| {
        errors.push(FieldError::new("/data_base64", wrong));
        None
    };
    let encoded = attributes.remove("data_base64").filter(|value| !value.is_null())?;
    if attributes.get("data").is_some_and(|data| !data.is_null()) {
        return refuse("give data or data_base64, not both");
    }
    let Some(bytes) = encoded.as_str().and_then(cloud_event::base64_of) else {
        return refuse("not base64");
    };
    match cloud_event::read_json(&bytes) {
        Ok(data) => Some(data),
        Err(FieldError { pointer, message }) if pointer.is_empty() => {
            refuse(&format!("{message}; other data is not taken"))
        }
        // A key that comes twice, within what is the data.
        Err(FieldError { pointer, message }) => {
            errors.push(FieldError::new(format!("/data{pointer}"), message));
            None
        }
    }
}

pub(super) fn data_object(
    pointer: &str,
    data: Option<Value>,
    errors: &mut Vec<FieldError>,
) -> Map<String, Value> {
    match data {
        None | Some(Value::Null) => Map::new(),
        Some(data @ Value::Object(_)) if number::text_of(&data).is_none() => {
            let bytes = serde_json::to_vec(&number::nearest(&data)).map_or(usize::MAX, |json| json.len());
            if bytes > EVENT_DATA_BYTES_MAX {
                errors.push(FieldError::new(pointer, format!("larger than {EVENT_DATA_BYTES_MAX} bytes")));
            }
            if let Value::Object(data) = data { data } else { Map::new() }
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
            errors.push(FieldError::new(pointer, "expected a JSON object"));
            Map::new()
        }
    }
}
