//! Which fields a template writes although they may be absent. In: a template and its schema. Out: their names.
//!
//! Never: reads the template. It is rendered once without each such field, so `if` and `default` count as they work.

use serde_json::{Map, Value};

use crate::{ack_code::AckCode, schema::FieldSchema, template::Template};

/// An acknowledgement code of the right form.
const CODE: &str = "K7X4";

/// The fields that a template writes although an event that fits the schema may lack them: no `default`, no `if`. A text
/// is sent all the same, with nothing in their place.
pub fn unguarded_fields(template: &Template, schema: &FieldSchema) -> Vec<String> {
    let code: Option<AckCode> = CODE.parse().ok();
    let paths: Vec<Vec<&str>> = template.fields().iter().map(|name| name.split('.').collect()).collect();
    let is_unguarded = |path: &&Vec<&str>| {
        let mut absent = (1..=path.len()).map(|len| &path[..len]).filter(|path| schema.may_be_absent(path));
        absent.any(|absent| {
            let fields = sample(schema, paths.iter().filter(|path| !path.starts_with(absent)));
            matches!(template.render(&fields, code.as_ref(), "x", 1), Ok((_, missing)) if !missing.is_empty())
        })
    };
    paths.iter().filter(is_unguarded).map(|path| path.join(".")).collect()
}

/// Data that has these fields.
fn sample<'a>(schema: &FieldSchema, paths: impl Iterator<Item = &'a Vec<&'a str>>) -> Map<String, Value> {
    let mut data = Value::Object(Map::new());
    for path in paths {
        let mut at = &mut data;
        for name in path {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[*name];
        }
        if at.is_null() {
            *at = schema.sample(path);
        }
    }
    match data {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a10_fields_that_may_be_absent_and_are_written_all_the_same_are_named() {
        let schema = FieldSchema::compile(&json!({
            "required": ["title", "nil", "host"],
            "properties": {
                "title": { "type": "string" }, "nil": { "type": ["string", "null"] }, "note": { "type": "string" },
                "tags": { "type": "array" }, "count": { "type": "integer" },
                "host": { "type": "object", "required": ["name"], "properties": { "name": {}, "rack": {} } },
                "place": { "type": "object", "required": ["city"], "properties": { "city": {} } },
            },
        }))
        .unwrap();
        for (source, expected) in [
            ("{{ title }} {{ host.name }}", &[][..]),
            ("{{ nil }}", &["nil"]),
            ("{{ note }} {{ title }} {{ count | round }}", &["count", "note"]),
            ("{{ note | default('-') }}{% if count is defined %}{{ count }}{% endif %}", &[]),
            ("{{ host.rack }}", &["host.rack"]),
            ("{{ place.city }}", &["place.city"]),
            ("{% if place %}{{ place.city }}{% endif %}", &[]),
            ("{{ tags | join(', ') }}", &["tags"]),
        ] {
            let template = Template::compile(source, &schema, false).unwrap();
            assert_eq!(unguarded_fields(&template, &schema), expected, "{source}");
        }
    }
}
