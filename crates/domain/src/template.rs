//! The template of a text. In: its source and the schema of the fields it may use, then fields. Out: the text.
//!
//! Never: loads another template, calls a function, or reads a field's value as a template. What it may use is
//! checked when the configuration is read, so that a typo stops the start and not a page at night.

mod scan;

use std::{fmt, sync::Arc};

use minijinja::{
    Environment, ErrorKind, UndefinedBehavior, escape_formatter, filters, tests as checks, value::ValueKind,
};
use serde_json::{Map, Value};

use crate::{ack_code::AckCode, compose::ComposeError, schema::FieldSchema};

/// Names that are not fields: the code to reply with, the recipient's name, the number of the step.
const BUILT_IN: [&str; 3] = ["ack", "recipient", "step"];
/// The statements that a template may use.
const STATEMENTS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];
/// The filters that a template may use.
const FILTERS: &[&str] = &["upper", "lower", "trim", "round", "int", "default", "join"];
/// The tests that a template may use.
const TESTS: &[&str] = &["defined", "undefined"];
/// Most instructions of one rendering; a text takes about fifty.
const FUEL: u64 = 50_000;
/// Most nested loops.
const NESTING_MAX: usize = 16;
/// The name under which the engine holds the one template.
const NAME: &str = "text";

/// A compiled template that uses declared fields alone. Cheap to clone.
#[derive(Clone)]
pub struct Template(Arc<Compiled>);

struct Compiled {
    environment: Environment<'static>,
    source: Box<str>,
    /// The dotted names of the fields it uses, sorted.
    fields: Vec<String>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line} of the template: {message}")]
pub struct TemplateError {
    /// The line within the template, from 1.
    pub line: u32,
    /// What is wrong, and what to write.
    pub message: String,
}

impl Template {
    /// Compiles a template of the Jinja language.
    ///
    /// It may use declared fields, `ack`, `recipient` and `step`; `if` and `for`; the filters upper, lower, trim,
    /// round, int, default and join; the tests `defined` and `undefined`. `ack_expected` says that some step waits
    /// for an acknowledgement: then `{{ ack }}` must occur, and otherwise must not. The attributes of a loop's
    /// variable are not checked against the schema.
    ///
    /// # Errors
    /// Every mistake, by line; a syntax error comes alone.
    pub fn compile(
        source: &str,
        schema: &FieldSchema,
        ack_expected: bool,
    ) -> Result<Self, Vec<TemplateError>> {
        let mut environment = environment();
        environment
            .add_template_owned(NAME, source.to_owned())
            .map_err(|error| vec![syntax_error(&error)])?;
        let scan = scan::scan(source);
        let mut errors = scan.errors;
        let line_of = |name: &str| {
            let found = scan.names.iter().find(|(seen, _)| seen == name);
            found
                .or_else(|| scan.names.iter().find(|(seen, _)| seen.starts_with(name)))
                .map_or(1, |(_, line)| *line)
        };
        let mut fields: Vec<String> = match environment.get_template(NAME) {
            Ok(template) => template.undeclared_variables(true).into_iter().collect(),
            Err(error) => return Err(vec![syntax_error(&error)]),
        };
        fields.sort();
        let uses_ack = fields.iter().any(|name| name == "ack");
        fields.retain(|name| !BUILT_IN.contains(&name.as_str()));
        for name in &fields {
            if !schema.declares(&name.split('.').collect::<Vec<_>>()) {
                let message = format!("`{name}` is neither a declared field nor ack, recipient or step");
                errors.push(TemplateError { line: line_of(name), message });
            }
        }
        for name in BUILT_IN.into_iter().filter(|name| schema.declares(&[name])) {
            let message =
                format!("the schema declares a field `{name}`, and a template means something else by it");
            errors.push(TemplateError { line: line_of(name), message });
        }
        if uses_ack && !ack_expected {
            let message = "`ack` is used, but no step has ack_within".into();
            errors.push(TemplateError { line: line_of("ack"), message });
        } else if !uses_ack && ack_expected {
            let message = "a step has ack_within, but the text has no {{ ack }} to reply with".into();
            errors.push(TemplateError { line: 1, message });
        }
        errors.sort();
        let compiled = Compiled { environment, source: source.into(), fields };
        if errors.is_empty() { Ok(Self(Arc::new(compiled))) } else { Err(errors) }
    }

    /// The text for one recipient at one step. Fields that are `null` count as absent.
    ///
    /// # Errors
    /// [`ComposeError::Render`] when a field it needs is absent or of a kind that cannot be written.
    pub fn render(
        &self,
        fields: &Map<String, Value>,
        ack: Option<&AckCode>,
        recipient: &str,
        step: u8,
    ) -> Result<String, ComposeError> {
        let given = fields.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
        let given = given.filter_map(|(name, value)| Some((name.as_str(), engine_value(value)?)));
        let built_in = [("recipient", recipient.into()), ("step", step.into())];
        let ack = ack.map(|code| ("ack", code.as_str().into()));
        let context = minijinja::Value::from_pairs(given.chain(built_in).chain(ack));
        let template =
            self.0.environment.get_template(NAME).map_err(|error| self.render_error(&error, fields))?;
        template.render(context).map_err(|error| self.render_error(&error, fields))
    }

    /// The dotted names of the fields that the template uses, sorted.
    pub fn fields(&self) -> &[String] {
        &self.0.fields
    }

    /// Says what failed without the engine's own words, which can contain a value.
    fn render_error(&self, error: &minijinja::Error, fields: &Map<String, Value>) -> ComposeError {
        let is_absent = |name: &&String| {
            let mut path = name.split('.');
            let first = path.next().and_then(|name| fields.get(name));
            path.fold(first, |value, name| value?.get(name)).is_none_or(Value::is_null)
        };
        let absent: Vec<&str> = self.0.fields.iter().filter(is_absent).map(String::as_str).collect();
        let message = if error.kind() != ErrorKind::UndefinedError {
            error.kind().to_string()
        } else if absent.is_empty() {
            "something it needs is absent".into()
        } else {
            format!("something it needs is absent; missing fields: {}", absent.join(", "))
        };
        ComposeError::Render { line: line(error), message }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.0.source).finish()
    }
}

/// An engine without anything but what is listed above.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(NESTING_MAX);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("round", filters::round);
    environment.add_filter("int", filters::int);
    environment.add_filter("default", filters::default);
    environment.add_filter("join", filters::join);
    environment.add_test("defined", checks::is_defined);
    environment.add_test("undefined", checks::is_undefined);
    // A whole object or array in a text is a mistake, and `none` is nothing to read at night.
    environment.set_formatter(|out, state, value| {
        let kind = value.kind();
        if matches!(kind, ValueKind::String | ValueKind::Number | ValueKind::Bool | ValueKind::Undefined) {
            escape_formatter(out, state, value)
        } else {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("cannot write a {kind}")))
        }
    });
    environment
}

/// A field's value for the engine; `None` for null, which counts as absent.
fn engine_value(value: &Value) -> Option<minijinja::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(yes) => (*yes).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(whole)) => whole.into(),
            (None, None) => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().filter_map(engine_value).collect(),
        Value::Object(map) => {
            let named = map.iter().filter(|(name, _)| is_name(name));
            minijinja::Value::from_pairs(
                named.filter_map(|(name, value)| Some((name.as_str(), engine_value(value)?))),
            )
        }
    })
}

/// Whether a template can write this name behind a dot. Other names are left out of nested objects, so that a loop
/// over an object writes nothing but names.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The source belongs to the configuration, so that the parser may quote it.
fn syntax_error(error: &minijinja::Error) -> TemplateError {
    let message = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    TemplateError { line: line(error), message }
}

fn line(error: &minijinja::Error) -> u32 {
    error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn schema() -> FieldSchema {
        FieldSchema::compile(&json!({ "properties": {
            "severity": {}, "title": {}, "nil": {}, "count": {}, "tags": {},
            "host": { "properties": { "name": {} } },
        }}))
        .unwrap()
    }

    #[track_caller]
    fn check(source: &str, fields: Value, expected: &str) {
        let template = Template::compile(source, &schema(), source.contains("ack")).unwrap();
        let code = "K7X4".parse().unwrap();
        let text = template.render(fields.as_object().unwrap(), Some(&code), "Ada", 2);
        let text = text.unwrap_or_else(|error| error.to_string());
        assert_eq!(text, expected);
    }

    #[track_caller]
    fn refused(source: &str, expected: &[&str]) {
        let errors = Template::compile(source, &schema(), source.contains("ack")).unwrap_err();
        let lines: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.line, e.message)).collect();
        assert_eq!(lines, expected, "{source}");
    }

    #[test]
    fn a_template_writes_fields_and_built_in_names() {
        let fields =
            json!({ "severity": "high", "title": "disk <90%", "host": { "name": "db-1" }, "count": 3 });
        let source = "{{ recipient }}, {{ severity | upper }}: {{ title }} ({{ host.name }}, {{ count }}, {{ step }}) {{ ack }}";
        check(source, fields, "Ada, HIGH: disk <90% (db-1, 3, 2) K7X4");
        assert_eq!(
            format!("{:?}", Template::compile("{{ title }}", &schema(), false).unwrap()),
            "Template(\"{{ title }}\")"
        );
        check("{{ count | round(1) }} {{ count | int }}", json!({ "count": 2.55 }), "2.5 2");
        check("{{ title | default('none given') }}", json!({ "title": null }), "none given");
        check("{% if title is defined %}{{ title }}{% else %}-{% endif %}", json!({}), "-");
        check("{{ tags | join(', ') }}; {{ tags[0] }}", json!({ "tags": ["a", "b"] }), "a, b; a");
        check(
            "{% for tag in tags %}{{ loop.index }}{{ tag }} {% endfor %}",
            json!({ "tags": ["a", "b"] }),
            "1a 2b ",
        );
        check(
            "{% for key in host %}{{ key }} {% endfor %}",
            json!({ "host": { "a": 1, "bit.ly/x": 2 } }),
            "a ",
        );
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        let braces = "{{ ack }}{% for x in y %}{#";
        check("{{ title }} {{ ack }}", json!({ "title": braces }), &format!("{braces} K7X4"));
        // An event cannot bring its own code.
        check("{{ ack }} {{ step }}", json!({ "ack": "M3P9", "step": 9 }), "K7X4 2");
    }

    #[test]
    fn what_cannot_be_written_fails_without_its_value() {
        check(
            "{{ title }} {{ count }}",
            json!({ "count": 1 }),
            "the template failed at line 1: something it needs is absent; missing fields: title",
        );
        check(
            "{{ host.name }}",
            json!({ "host": {} }),
            "the template failed at line 1: something it needs is absent; missing fields: host.name",
        );
        check(
            "x\n{{ host }}",
            json!({ "host": { "name": "SECRET" } }),
            "the template failed at line 2: invalid operation",
        );
        check(
            "{{ title | int }}",
            json!({ "title": "SECRET" }),
            "the template failed at line 1: invalid operation",
        );
        check(
            "{% for a in tags %}{% for b in tags %}{{ b }}{% endfor %}{% endfor %}",
            json!({ "tags": vec![1; 1_000] }),
            "the template failed at line 1: engine ran out of fuel",
        );
    }

    #[test]
    fn undeclared_names_are_refused_by_line() {
        refused(
            "a\n{{ titel }}\n{{ host.id }}",
            &[
                "2: `titel` is neither a declared field nor ack, recipient or step",
                "3: `host.id` is neither a declared field nor ack, recipient or step",
            ],
        );
        refused(
            "{{ nothing | default('x') }}",
            &["1: `nothing` is neither a declared field nor ack, recipient or step"],
        );
        refused("{{ range(9) }}", &["1: `range` is neither a declared field nor ack, recipient or step"]);
        refused(
            "{{ title.upper() }}",
            &["1: `title.upper` is neither a declared field nor ack, recipient or step"],
        );
        refused(
            "{{ ack.x }}",
            &[
                "1: `ack.x` is neither a declared field nor ack, recipient or step",
                "1: a step has ack_within, but the text has no {{ ack }} to reply with",
            ],
        );
    }

    #[test]
    fn what_stands_in_strings_comments_and_lists_is_not_taken_for_something_else() {
        let title = || json!({ "title": "disk" });
        check("{# {{ title | replace('a', 'b') }} #}{{ title }}", title(), "disk");
        check(r"{{ nil | default('it\'s | odd }} [a]') }}", title(), "it's | odd }} [a]");
        check("{% for part in [title, 'full'] %}{{ part }} {% endfor %}", title(), "disk full ");
        check("{{ ([title, 1])[0] }}", title(), "disk");
    }

    #[test]
    fn the_language_is_small() {
        let [filters, tests] = [FILTERS.join(", "), TESTS.join(", ")];
        refused(
            "{{ title | replace('a', 'b') }}",
            &[&format!("1: the filter `replace` is not available: use {filters}")],
        );
        for source in [
            "{{ title | default('x') | replace('a', 'b') }}",
            r"{{ title | default('\\') | replace('a', 'b') }}",
            r#"{{ title | default("it's") | replace('a', 'b') }}"#,
        ] {
            refused(source, &[&format!("1: the filter `replace` is not available: use {filters}")]);
        }
        refused("{{ title is not odd }}", &[&format!("1: the test `odd` is not available: use {tests}")]);
        for source in ["{{ host['name'] }}", "{{ (host)['name'] }}", "{{ tags[0]['name'] }}"] {
            let error = "1: only a number may stand in [ ]: write host.name rather than host[\"name\"]";
            refused(source, &[error]);
        }
        for source in [
            "{% set x = 1 %}",
            "{% macro m() %}{% endmacro %}",
            "{% raw %}{% endraw %}",
            "{%- with x = 1 %}{% endwith %}",
        ] {
            let errors = Template::compile(source, &schema(), false).unwrap_err();
            assert!(errors[0].message.contains("is not available"), "{source}: {errors:?}");
        }
        for source in [
            "{% include 'x' %}",
            "{% import 'x' as y %}",
            "{% extends 'x' %}",
            "{% block b %}{% endblock %}",
            "{{ title",
            "{% if %}",
        ] {
            let errors = Template::compile(source, &schema(), false).unwrap_err();
            assert_eq!((errors.len(), errors[0].line), (1, 1), "{source}: {errors:?}");
        }
    }

    #[test]
    fn an_acknowledgement_is_asked_for_exactly_when_one_is_expected() {
        assert!(Template::compile("{{ title }} {{ ack }}", &schema(), true).is_ok());
        let asks = Template::compile("{{ title }}\n{{ ack }}", &schema(), false).unwrap_err();
        assert_eq!(asks[0].to_string(), "line 2 of the template: `ack` is used, but no step has ack_within");
        assert!(Template::compile("{{ title }}", &schema(), true).is_err());
        let clash = FieldSchema::compile(&json!({ "properties": { "step": {} } })).unwrap();
        assert!(Template::compile("{{ step }}", &clash, false).is_err());
    }

    proptest! {
        #[test]
        fn no_source_and_no_field_panics(source in "(\\{\\{|\\}\\}|\\{%|%\\}|[a-z|.'\"\\[\\]( é😜\n-]|title|if|for|in|is|ack){0,30}", text: String) {
            if let Ok(template) = Template::compile(&source, &schema(), source.contains("ack")) {
                let fields = json!({ "title": text, "tags": [text], "host": { "name": null }, "count": 1e300 });
                let _ = template.render(fields.as_object().unwrap(), None, &text, 0);
            }
        }
    }
}
