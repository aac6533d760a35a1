//! Documents as JSON. In: any value that serializes. Out: its text. Never: a panic: what does not serialize is a fault.

use serde::Serialize;

use crate::fault::Fault;

/// A document, or a fault that names it.
pub(crate) fn json<T: Serialize>(value: &T, what: &str, name: &str) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::unreadable(what, name, &error))
}
