//! Which fields a template writes although they may be absent, or of a type that it cannot work with. In: a template and
//! its schema. Out: their names.
//!
//! Never: reads the template. It is rendered with and without each such field, so `if` and `default` count as they work.

use serde_json::{Map, Value, json};

use crate::{
    ack_code::AckCode,
    schema::FieldSchema,
    template::{Given, Template},
};

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
            matches!(template.render(&fields, &Given::sample(code.as_ref())), Ok((_, missing)) if !missing.is_empty())
        })
    };
    paths.iter().filter(is_unguarded).map(|path| path.join(".")).collect()
}

/// The fields with which the template fails for some value of their type, and the lines: `round` of a text, for example.
/// A text is sent all the same, with the value as it is or, where that is not possible, in its plain form.
pub fn unfit_fields(template: &Template, schema: &FieldSchema) -> Vec<(String, u32)> {
    let code: Option<AckCode> = CODE.parse().ok();
    let paths: Vec<Vec<&str>> = template.fields().iter().map(|name| name.split('.').collect()).collect();
    let failing_line = |path: &Vec<&str>| {
        let others = || paths.iter().filter(|other| !other.starts_with(path));
        // Alone, and beside the others: some `if` may lead to it only then.
        [sample(schema, std::iter::empty()), sample(schema, others())].into_iter().find_map(|around| {
            let failing = |value: Value| {
                let mut data = around.clone();
                put(&mut data, path, value);
                template.check(&data, code.as_ref()).err().map(|error| error.line)
            };
            // What fails whatever the field holds is not its fault.
            let may_work =
                [json!(1), json!("x"), json!(["x"])].into_iter().any(|value| failing(value).is_none());
            schema.samples(path).into_iter().filter(|_| may_work).find_map(failing)
        })
    };
    paths.iter().filter_map(|path| Some((path.join("."), failing_line(path)?))).collect()
}

/// Puts a value where the path leads.
pub(crate) fn put(data: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(data.insert((*name).to_owned(), value)),
        [name, rest @ ..] => {
            let inner = data.entry((*name).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
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
            *at = schema.samples(path).into_iter().next().unwrap_or_else(|| Value::from("x"));
        }
    }
    match data {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn fields_of_a_type_that_the_template_cannot_work_with_are_named() {
        let schema = FieldSchema::compile(&json!({ "properties": {
            "title": { "type": "string" }, "count": { "type": "integer" }, "load": { "type": ["number", "string"] },
            "level": { "enum": ["1", "2"] }, "tags": { "type": "array" }, "any": {},
            "host": { "properties": { "rack": { "type": "string" } } },
        }}))
        .unwrap();
        for (source, expected) in [
            ("{{ title }} {{ title | upper }} {{ title | trim }}", &[][..]),
            ("{{ title | round }}", &[("title", 1)]),
            ("{{ count | round }} {{ count | int }}\n{{ host.rack | int }}", &[("host.rack", 2)]),
            ("{{ load | round(1) }}", &[("load", 1)]),
            ("{{ level | int }} {{ any | round }}", &[]),
            ("{{ tags | join(', ') }} {{ count | join }}", &[("count", 1)]),
            ("{{ count + 1 }} {{ title + 1 }}", &[("title", 1)]),
            ("{{ title | int(default=0) }}", &[]),
            ("{% if count > 0 %}{{ title | round }}{% endif %}", &[("title", 1)]),
            ("{% if count > 5 %}{{ title }}{% endif %}", &[]),
        ] {
            let template = Template::compile(source, &schema, false).unwrap();
            let found = unfit_fields(&template, &schema);
            let found: Vec<_> = found.iter().map(|(name, line)| (name.as_str(), *line)).collect();
            assert_eq!(found, expected, "{source}");
        }
    }
}
