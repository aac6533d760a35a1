//! Lists that are too long for a text. In: fields, and how many elements a list may keep. Out: shorter lists.
//!
//! Never: hides that elements are missing: an ellipsis stands in their place.

use serde_json::{Map, Value};

use crate::number;

/// What stands where something was cut. In GSM-7, unlike the one-character ellipsis.
pub(super) const ELLIPSIS: &str = "...";

/// The lengths that are tried, longest first.
pub(super) const LENGTHS: [usize; 5] = [64, 32, 16, 8, FEW];
/// The length where fields must be cut as well.
pub(super) const FEW: usize = 4;

/// The fields with no list longer than this, and the dotted names of those that were cut.
pub(super) fn cut(fields: &Map<String, Value>, length: usize) -> (Map<String, Value>, Vec<String>) {
    let mut shorter = fields.clone();
    let mut names = Vec::new();
    for (name, value) in &mut shorter {
        cut_value(name, value, length, &mut names);
    }
    (shorter, names)
}

fn cut_value(name: &str, value: &mut Value, length: usize, names: &mut Vec<String>) {
    if number::text_of(value).is_some() {
        return;
    }
    match value {
        Value::Array(items) => {
            if items.len() > length {
                items.truncate(length);
                items.push(ELLIPSIS.into());
                names.push(name.to_owned());
            }
            for (at, item) in items.iter_mut().enumerate() {
                cut_value(&format!("{name}.{at}"), item, length, names);
            }
        }
        Value::Object(map) => {
            for (inner, item) in map {
                cut_value(&format!("{name}.{inner}"), item, length, names);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
