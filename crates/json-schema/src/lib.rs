//! JSON Schema as workflows may use it. In: a schema, then values. Out: everything that is wrong with a value.
//!
//! Never: fetches a schema.
//!
//! A crate of its own because the library's code is generic, so that it is compiled where it is used: here for size, and
//! not for speed with the rest of `domain`, which makes the binary 1.6 MB smaller.

pub use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// A compiled schema.
#[derive(Debug)]
pub struct JsonSchema(Validator);

impl JsonSchema {
    /// Compiles a schema: of the draft that `$schema` names, else 2020-12. Formats are checked and unknown ones
    /// refused; patterns run in linear time, so look-around is refused.
    ///
    /// # Errors
    /// What breaks the rules of JSON Schema.
    pub fn compile(schema: &Value) -> Result<Self, ValidationError<'static>> {
        let options = jsonschema::options()
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_pattern_options(PatternOptions::regex());
        options.build(schema).map(Self)
    }

    /// Whether a value fits. Much cheaper than [`JsonSchema::errors`].
    pub fn is_valid(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }

    /// What is wrong with a value, at most `max` errors.
    pub fn errors<'a>(&'a self, value: &'a Value, max: usize) -> Vec<ValidationError<'a>> {
        self.0.iter_errors(value).take(max).collect()
    }
}
