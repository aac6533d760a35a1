//! The answer to `INFO`. In: its text. Out: its fields by name. Never: decides what a field means.

use std::collections::BTreeMap;

/// The fields of `INFO`.
pub(crate) fn fields(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
