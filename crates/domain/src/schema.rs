//! The schema of an event's `data`. In: JSON Schema from a workflow, then the data of events. Out: every error at once.
//!
//! Never: fetches a schema, or repeats a value in a message; data may be personal, and errors reach logs and producers.

pub(crate) mod fit;
mod longest;

use std::{fmt, sync::Arc};

use json_schema::{JsonSchema, JsonType, TypeKind, ValidationError, ValidationErrorKind};
use serde_json::{Map, Value};

pub use longest::Long;

use crate::{number, plural::counted};

/// Most errors reported for one event.
pub const FIELD_ERRORS_MAX: usize = 32;
/// Most local references followed to find where a field is declared; bounds a circle.
const REFS_MAX: usize = 8;
/// Most characters of a name from the data, or of a list from the schema, in an error.
const QUOTED_CHARS_MAX: usize = 120;

/// A compiled schema. Cheap to clone.
#[derive(Clone)]
pub struct FieldSchema(Arc<Compiled>);

struct Compiled {
    schema: Value,
    validator: JsonSchema,
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The root is not `type = "object"`, or not even a table.
    #[error("the schema of an event's data must describe an object: write type = \"object\"")]
    NotAnObject,
    /// The root declares no fields.
    #[error("the schema declares no fields: write [schema.properties]")]
    NoProperties,
    /// A reference leaves the schema.
    #[error("the reference `{0}` leaves the schema: only references that start with # are followed")]
    RemoteReference(String),
    /// The schema breaks the rules of JSON Schema.
    #[error("not a JSON Schema: {0}")]
    Invalid(String),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where, as a JSON pointer into the event: `/data/severity`. For a missing field, where it belongs.
    pub pointer: String,
    /// What is expected. Never the value that was found.
    pub message: String,
}

impl FieldError {
    /// An error at a pointer.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pointer, self.message)
    }
}

impl fmt::Debug for FieldSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FieldSchema").field(&self.0.schema).finish()
    }
}

impl FieldSchema {
    /// Compiles a schema as [`JsonSchema::compile`] does. `additionalProperties` counts as written.
    ///
    /// # Errors
    /// The first reason why it cannot be used.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        let root = schema.as_object().ok_or(SchemaError::NotAnObject)?;
        if root.get("type").is_some_and(|found| found != "object") {
            return Err(SchemaError::NotAnObject);
        }
        if !root.get("properties").is_some_and(Value::is_object) {
            return Err(SchemaError::NoProperties);
        }
        if let Some(reference) = remote_reference(schema) {
            return Err(SchemaError::RemoteReference(quoted(reference)));
        }
        let validator =
            JsonSchema::compile(schema).map_err(|error| SchemaError::Invalid(quoted(&error.to_string())))?;
        Ok(Self(Arc::new(Compiled { schema: schema.clone(), validator })))
    }

    /// Everything that is wrong with an event's data, at most [`FIELD_ERRORS_MAX`] errors. Empty when it fits.
    pub fn validate(&self, data: &Map<String, Value>) -> Vec<FieldError> {
        let data = number::nearest(&Value::Object(data.clone()));
        if self.0.validator.is_valid(&data) {
            return vec![];
        }
        let mut errors = vec![];
        for error in self.0.validator.errors(&data, FIELD_ERRORS_MAX) {
            describe(&error, &mut errors);
        }
        errors.truncate(FIELD_ERRORS_MAX);
        errors
    }

    /// Whether a field is declared: every name of the path under `properties` of what precedes it.
    ///
    /// What an object may hold beyond its `properties` is undeclared. Local references are followed.
    pub fn declares(&self, path: &[&str]) -> bool {
        !path.is_empty() && self.find(path).is_some()
    }

    /// Whether an event that fits may lack a declared field of an object it has, or give it as `null`.
    pub fn may_be_absent(&self, path: &[&str]) -> bool {
        let Some((name, parents)) = path.split_last() else { return false };
        let parent = self.find(parents).and_then(|at| self.follow(at));
        let required = parent.and_then(|parent| parent.get("required")?.as_array());
        let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
        let kind = self.find(path).and_then(|at| self.follow(at)?.get("type"));
        let is_nullable = kind
            .is_some_and(|kind| kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "null")));
        !is_required || is_nullable
    }

    /// Values of a declared field: those that it lists, else one of each of its types but `null`. They need not satisfy
    /// its other rules. Empty where it declares neither.
    pub fn samples(&self, path: &[&str]) -> Vec<Value> {
        let schema = self.find(path).and_then(|at| self.follow(at));
        let of = |key: &str| schema.and_then(|schema| schema.get(key));
        let listed = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let values = of("enum").map(listed).or_else(|| of("const").map(|value| vec![value.clone()]));
        let values = values.unwrap_or_else(|| {
            let kinds = of("type").map(listed).unwrap_or_default();
            kinds.iter().filter_map(Value::as_str).map(sample_of).collect()
        });
        values.into_iter().filter(|value| !value.is_null()).collect()
    }

    /// The names of the fields, nested ones left out, in their order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0
            .schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
    }

    /// The schema of a field; that of the whole data for an empty path.
    fn find(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.0.schema, |at, name| self.follow(at)?.get("properties")?.get(*name))
    }

    fn follow<'a>(&'a self, mut at: &'a Value) -> Option<&'a Value> {
        for _ in 0..REFS_MAX {
            let Some(Value::String(reference)) = at.get("$ref") else { return Some(at) };
            at = self.0.schema.pointer(reference.strip_prefix('#')?)?;
        }
        None
    }
}

fn sample_of(kind: &str) -> Value {
    match kind {
        "array" => Value::Array(Vec::new()),
        "object" => Value::Object(Map::new()),
        "boolean" => Value::Bool(true),
        "integer" => Value::from(1),
        "number" => Value::from(1.5),
        "null" => Value::Null,
        _ => Value::from("x"),
    }
}

/// A `$ref` anywhere in the schema that does not start with `#`.
fn remote_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(map) => map.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("$ref" | "$dynamicRef", Value::String(to)) if !to.starts_with('#') => Some(to.as_str()),
            _ => remote_reference(value),
        }),
        Value::Array(items) => items.iter().find_map(remote_reference),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Adds one error, or one for each name where several are unexpected.
#[expect(clippy::wildcard_enum_match_arm, reason = "another crate's kinds; most are about one place")]
fn describe(error: &ValidationError<'_>, errors: &mut Vec<FieldError>) {
    let at = quoted(&format!("/data{}", error.instance_path().as_str()));
    let mut add = |pointer, message| errors.push(FieldError { pointer, message });
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected.iter().take(FIELD_ERRORS_MAX) {
                add(format!("{at}/{}", pointer_token(name)), "is not declared in the schema".into());
            }
        }
        ValidationErrorKind::Required { property } => {
            add(
                format!("{at}/{}", pointer_token(property.as_str().unwrap_or_default())),
                "is required".into(),
            );
        }
        kind => add(at, expectation(kind)),
    }
}

/// What the schema expects, in its own terms; the schema is configuration and may be quoted, the value may not.
#[expect(clippy::wildcard_enum_match_arm, reason = "another crate's kinds; each has its keyword")]
fn expectation(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::Enum { options } => format!("must be one of {}", quoted(&options.to_string())),
        Kind::Constant { expected_value } => format!("must be {}", quoted(&expected_value.to_string())),
        Kind::MaxLength { limit } => format!("must have at most {}", counted(limit, "character")),
        Kind::MinLength { limit } => format!("must have at least {}", counted(limit, "character")),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be below {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be above {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MaxItems { limit } => format!("must have at most {}", counted(limit, "item")),
        Kind::MinItems { limit } => format!("must have at least {}", counted(limit, "item")),
        Kind::UniqueItems => "must not repeat an item".into(),
        Kind::MaxProperties { limit } => format!("must have at most {}", counted(limit, "field")),
        Kind::MinProperties { limit } => format!("must have at least {}", counted(limit, "field")),
        Kind::Pattern { pattern } => format!("must match the pattern {}", quoted(pattern)),
        Kind::Format { format } => format!("must be in the format {}", quoted(format)),
        Kind::PropertyNames { .. } => "has a field whose name is not allowed".into(),
        Kind::FalseSchema => "is not allowed".into(),
        other => format!("does not satisfy `{}` of the schema", other.keyword()),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => with_article(*one).into(),
        TypeKind::Multiple(several) => several.iter().map(with_article).collect::<Vec<_>>().join(" or "),
    }
}

fn with_article(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

/// A name as a token of a JSON pointer (RFC 6901, section 3), cut where it is long: names come from the data too.
pub(crate) fn pointer_token(name: &str) -> String {
    quoted(name).replace('~', "~0").replace('/', "~1")
}

/// At most so much of a text that an error stays readable.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn incident() -> FieldSchema {
        FieldSchema::compile(&json!({
            "type": "object",
            "properties": {
                "severity": { "enum": ["critical", "warning"] },
                "title": { "type": "string", "maxLength": 20 },
                "count": { "type": ["integer", "null"], "minimum": 1 },
                "mail": { "type": "string", "format": "email" },
                "host": { "$ref": "#/$defs/host" },
                "labels": { "type": "object" },
            },
            "required": ["severity", "title"],
            "additionalProperties": false,
            "$defs": { "host": { "properties": { "name": { "type": "string", "pattern": "^[a-z]+$" } } } },
        }))
        .unwrap()
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_error_is_reported_and_no_value_is_repeated() {
        let errors = incident().validate(&object(json!({
            "severity": "SECRET", "count": "SECRET", "mail": "SECRET", "host": { "name": "SECRET" }, "a/b": 1,
        })));
        let mut lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.sort();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        /data/a~1b is not declared in the schema
        /data/count must be null or a whole number
        /data/host/name must match the pattern ^[a-z]+$
        /data/mail must be in the format email
        /data/severity must be one of ["critical","warning"]
        /data/title is required
        "#);
        assert!(!lines.concat().contains("SECRET"));
        assert_eq!(incident().validate(&object(json!({ "severity": "warning", "title": "disk" }))), []);
    }

    #[test]
    fn a_schema_is_shown_as_it_was_written() {
        let schema = json!({"properties": {"title": {}}});
        let shown = format!("{:?}", FieldSchema::compile(&schema).unwrap());
        assert_eq!(shown, format!("FieldSchema({schema:?})"));
    }

    #[test]
    fn errors_are_bounded() {
        let many: Map<String, Value> =
            (0..1_000).map(|n| (format!("{n}{}", "x".repeat(500)), json!(1))).collect();
        let errors = incident().validate(&many);
        assert_eq!(errors.len(), FIELD_ERRORS_MAX);
        assert!(errors.iter().all(|error| error.pointer.chars().count() < 200));
    }

    #[test]
    fn a_field_is_declared_by_properties_alone() {
        let schema = incident();
        assert!(
            schema.declares(&["severity"])
                && schema.declares(&["host", "name"])
                && schema.declares(&["labels"])
        );
        assert!(!schema.declares(&["labels", "team"]) && !schema.declares(&["host", "id"]));
        assert!(!schema.declares(&["other"]) && !schema.declares(&[]));
        assert!(schema.fields().eq(["count", "host", "labels", "mail", "severity", "title"]));
    }

    #[test]
    fn a_schema_that_cannot_be_trusted_is_refused() {
        let properties = |of: Value| json!({ "properties": of });
        let refused = |schema: Value| FieldSchema::compile(&schema).unwrap_err();
        assert_eq!(refused(json!(true)), SchemaError::NotAnObject);
        assert_eq!(refused(json!({ "type": "array" })), SchemaError::NotAnObject);
        assert_eq!(refused(json!({ "type": "object" })), SchemaError::NoProperties);
        for remote in ["https://example.com/s.json", "file:///etc/passwd", "other.json"] {
            let schema = properties(json!({ "a": { "$ref": remote } }));
            assert_eq!(refused(schema), SchemaError::RemoteReference(remote.into()));
        }
        for invalid in [
            json!({ "type": "strin" }),
            json!({ "format": "emial" }),
            json!({ "pattern": "(?=x)" }),
            json!({ "$ref": "#/$defs/none" }),
        ] {
            assert!(matches!(refused(properties(json!({ "a": invalid }))), SchemaError::Invalid(_)));
        }
    }

    #[test]
    fn a_reference_in_a_circle_declares_nothing() {
        let circle = json!({ "properties": { "a": { "$ref": "#/properties/a" } } });
        if let Ok(schema) = FieldSchema::compile(&circle) {
            assert!(!schema.declares(&["a", "b"]));
            schema.validate(&object(json!({ "a": { "b": 1 } })));
        }
        let circle = json!({ "properties": { "a": { "$ref": "#/$defs/x" } }, "$defs": { "x": { "allOf": [{ "$ref": "#/$defs/x" }] } } });
        if let Ok(schema) = FieldSchema::compile(&circle) {
            schema.validate(&object(json!({ "a": { "b": 1 } })));
        }
    }

    proptest! {
        #[test]
        fn no_data_panics(name in any::<String>(), text in any::<String>(), number: i64) {
            let data = json!({ "title": text, "count": number, "severity": number, (name): text });
            let errors = incident().validate(&object(data));
            prop_assert!(errors.iter().any(|error| error.pointer == "/data/severity"));
        }
    }
}
