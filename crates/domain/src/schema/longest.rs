//! The longest value that a field may have. In: a schema and a path. Out: a value, or how many characters.
//!
//! Never: satisfies a pattern or a format: it is for counting.

use serde_json::Value;

use super::FieldSchema;
use crate::segment::BODY_CHARS_MAX;

/// How long a field may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Long {
    /// The longest of the values that the schema lists, or the longest number; absent for a text of any content.
    pub value: Option<Value>,
    /// How many characters.
    pub chars: usize,
    /// Whether the schema says so; else it is as long as any text may be.
    pub is_bounded: bool,
}

impl FieldSchema {
    /// The longest that a declared field may be, in writing; `None` where it is neither text, number nor listed values.
    pub fn longest(&self, path: &[&str]) -> Option<Long> {
        let schema = self.follow(self.find(path)?)?;
        let kinds =
            schema.get("type").map(|kind| kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]));
        let is = |kind: &str| kinds.as_ref().is_some_and(|kinds| kinds.iter().any(|of| of == kind));
        let listed = |value: Value| {
            let chars = written(&value);
            Long { value: Some(value), chars, is_bounded: true }
        };
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values.iter().max_by_key(|value| written(value)).cloned().map(listed);
        }
        if let Some(value) = schema.get("const") {
            return Some(listed(value.clone()));
        }
        if is("string") || kinds.is_none() {
            let most = schema.get("maxLength").and_then(Value::as_u64);
            let chars = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(BODY_CHARS_MAX);
            return Some(Long { value: None, chars: chars.min(BODY_CHARS_MAX), is_bounded: most.is_some() });
        }
        if is("integer") {
            let bounds = ["maximum", "minimum"].map(|key| schema.get(key).and_then(Value::as_i64));
            let values = [bounds[0].unwrap_or(i64::MAX), bounds[1].unwrap_or(i64::MIN)].map(Value::from);
            return values.into_iter().max_by_key(written).map(listed);
        }
        if is("number") {
            return Some(listed(Value::from(-0.123_456_789_012_345_6)));
        }
        is("boolean").then(|| listed(Value::Bool(false)))
    }
}

fn written(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string().chars().count()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_longest_of_each_kind() {
        let schema = FieldSchema::compile(&json!({"properties": {
            "title": {"type": "string", "maxLength": 80}, "note": {"type": ["string", "null"]},
            "level": {"enum": ["low", "critical"]}, "count": {"type": "integer", "maximum": 999, "minimum": -5},
            "tags": {"type": "array"}, "flag": {"type": "boolean"}, "any": {},
            "host": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}},
        }}))
        .unwrap();
        let chars = |path: &[&str]| schema.longest(path).map(|long| (long.chars, long.is_bounded));
        assert_eq!(chars(&["title"]), Some((80, true)));
        assert_eq!(chars(&["note"]), Some((BODY_CHARS_MAX, false)));
        assert_eq!(chars(&["any"]), Some((BODY_CHARS_MAX, false)));
        assert_eq!(chars(&["host", "name"]), Some((9, true)));
        assert_eq!(chars(&["flag"]), Some((5, true)));
        assert_eq!(chars(&["tags"]), None);
        assert_eq!(schema.longest(&["level"]).unwrap().value, Some(json!("critical")));
        assert_eq!(schema.longest(&["count"]).unwrap().value, Some(json!(999)));
    }
}
