//! Schemas as clients of every kind take them. In: what is derived from types. Out: the same in JSON Schema's common part.
//!
//! Never: changes what is valid, but for `null` in place of a member that may be absent: answers leave it out.

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::Value;

/// Without formats that only Rust knows, and with one type each: some clients drop a tool for either.
pub(crate) fn portable(schema: &JsonObject) -> Arc<JsonObject> {
    Arc::new(object(schema))
}

fn object(schema: &JsonObject) -> JsonObject {
    schema
        .iter()
        .filter(|(name, value)| !is_foreign(name, value))
        .map(|(name, value)| (name.clone(), plain(name, value)))
        .collect()
}

fn is_foreign(name: &str, value: &Value) -> bool {
    let is_width = |format: &str| format.starts_with("uint") || format.starts_with("int");
    name == "format" && value.as_str().is_some_and(is_width)
}

fn plain(name: &str, value: &Value) -> Value {
    match value {
        Value::Array(types) if name == "type" => {
            let mut types = types.iter().filter(|one| *one != "null");
            types.next().cloned().unwrap_or(Value::Null)
        }
        Value::Array(values) => {
            let is_null = |value: &Value| value.get("type").is_some_and(|kind| kind == "null");
            let kept: Vec<Value> =
                values.iter().filter(|value| !is_null(value)).map(|value| plain("", value)).collect();
            Value::Array(kept)
        }
        Value::Object(members) => Value::Object(object(members)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
