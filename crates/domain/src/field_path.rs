//! Fields of an event by their dotted name: `customer.phone`. In: data and a path. Out: the text or number there.
//!
//! Never: a value in an error.

use serde_json::{Map, Value};

use crate::phone::{E164, NotE164};

/// The text in a field, if there is one.
pub(crate) fn text_at<'a>(data: &'a Map<String, Value>, path: &str) -> Option<&'a str> {
    value_at(data, path)?.as_str()
}

/// What is in a field, if anything.
pub(crate) fn value_at<'a>(data: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let first = data.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

/// The phone number in a field.
///
/// # Errors
/// Says what is there instead.
pub(crate) fn number_at(data: &Map<String, Value>, path: &str) -> Result<E164, String> {
    let text = text_at(data, path).ok_or("the event has no text there")?;
    text.parse().map_err(|error: NotE164| error.to_string())
}
