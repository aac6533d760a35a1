//! Schemas as clients of every kind take them. In: what is derived from types. Out: the same in JSON Schema's common part.
//!
//! Never: changes what is valid, but for `null` in place of a member that may be absent: answers leave it out.

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::Value;

/// Without formats that only Rust knows, and with one type each: some clients drop a tool for either.
pub(crate) fn portable(schema: &JsonObject) -> Arc<JsonObject> {
    Arc::new(object(&without_references(schema, schema.get("$defs"))))
}

fn object(schema: &JsonObject) -> JsonObject {
    schema
        .iter()
        .filter(|(name, value)| !is_foreign(name, value))
        .map(|(name, value)| (name.clone(), plain(name, value)))
        .collect()
}

/// With what is referred to in its place, and with a choice of words as an `enum`.
fn without_references(schema: &JsonObject, definitions: Option<&Value>) -> JsonObject {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
    let definition = name.and_then(|name| definitions?.get(name)?.as_object());
    // What is said here is nearer than what is said of the type.
    let mut whole = definition.cloned().unwrap_or_default();
    let is_kept = |name: &str| name != "$defs" && (name != "$ref" || definition.is_none());
    whole.extend(
        schema.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())),
    );
    let words = whole.get("oneOf").and_then(Value::as_array).and_then(|choices| {
        choices.iter().map(|choice| choice.get("const").cloned()).collect::<Option<Vec<Value>>>()
    });
    if let Some(words) = words {
        whole.remove("oneOf");
        whole.insert("type".to_owned(), "string".into());
        whole.insert("enum".to_owned(), Value::Array(words));
    }
    whole.into_iter().map(|(name, value)| (name, without_references_in(value, definitions))).collect()
}

fn without_references_in(value: Value, definitions: Option<&Value>) -> Value {
    match value {
        Value::Object(members) => Value::Object(without_references(&members, definitions)),
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| without_references_in(value, definitions)).collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_stands_in_its_place_and_a_choice_of_words_is_an_enum() {
        let schema = serde_json::json!({
            "type": "object",
            "properties": {
                "mode": {"$ref": "#/$defs/Mode", "description": "What to do."},
                "count": {"type": ["integer", "null"], "format": "uint16"},
            },
            "$defs": {"Mode": {"description": "A mode.", "oneOf": [{"const": "dry_run"}, {"const": "commit"}]}},
        });
        let expected = serde_json::json!({
            "type": "object",
            "properties": {
                "mode": {"description": "What to do.", "type": "string", "enum": ["dry_run", "commit"]},
                "count": {"type": "integer"},
            },
        });
        assert_eq!(Value::Object((*portable(schema.as_object().unwrap())).clone()), expected);
    }
}
