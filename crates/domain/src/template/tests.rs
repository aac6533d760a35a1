//! What templates may say, and what is refused. In: sources and fields. Out: texts, or mistakes by line.
//!
//! Never: asks the engine what it would do; the expected text stands there.

use proptest::prelude::*;
use serde_json::json;

use super::{
    grammar::{FILTERS, TESTS},
    *,
};

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
    let text = template.render(
        fields.as_object().unwrap(),
        &Given { recipient: "Ada", step: 2, ..Given::sample(Some(&code)) },
    );
    let text = match text {
        Ok((text, absent)) if absent.is_empty() => text,
        Ok((text, absent)) => format!("{text} [without {}]", absent.join(", ")),
        Err(error) => error.to_string(),
    };
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
    let fields = json!({ "severity": "high", "title": "disk <90%", "host": { "name": "db-1" }, "count": 3 });
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
    check("{% for key in host %}{{ key }} {% endfor %}", json!({ "host": { "a": 1, "bit.ly/x": 2 } }), "a ");
}

#[test]
fn a_value_is_never_read_as_a_template() {
    let braces = "{{ ack }}{% for x in y %}{#";
    check("{{ title }} {{ ack }}", json!({ "title": braces }), &format!("{braces} K7X4"));
    // An event cannot bring its own code.
    check("{{ ack }} {{ step }}", json!({ "ack": "M3P9", "step": 9 }), "K7X4 2");
}

#[test]
fn what_is_absent_is_named_and_what_cannot_be_written_fails_without_its_value() {
    check("{{ title }} {{ count }}", json!({ "count": 1 }), " 1 [without title]");
    check("{{ host.name }}", json!({ "host": {} }), " [without host.name]");
    check(
        "x\n{{ title + 1 }}",
        json!({ "title": "SECRET" }),
        "the template failed at line 2: invalid operation",
    );
    check(
        "{{ count | round(method='up') }}",
        json!({ "count": 1 }),
        "the template failed at line 1: invalid operation",
    );
    check(
        "{% for a in tags %}{% for b in tags %}{{ b }}{% endfor %}{% endfor %}",
        json!({ "tags": vec![1; 1_000] }),
        "the template failed at line 1: engine ran out of fuel",
    );
}

#[test]
fn a_filter_writes_a_value_that_it_cannot_work_on_as_it_is() {
    let fields = json!({ "title": "about 12", "count": 2.6, "tags": ["a"], "severity": "3.7" });
    for (source, expected) in [
        ("{{ title | round }}, {{ title | int }}", "about 12, about 12"),
        ("{{ title | int(default=0) }} {{ severity | int }} {{ severity | round }}", "0 3 3.7"),
        ("{{ tags | round }} {{ tags | int }} {{ host.name | int }}", r#"["a"] ["a"]"#),
        ("{{ count | join(', ') }} {{ count | round }} {{ count | int }}", "2.6 3 2"),
    ] {
        let template = Template::compile(source, &schema(), false).unwrap();
        assert_eq!(
            template
                .render(
                    fields.as_object().unwrap(),
                    &Given { recipient: "Ada", step: 1, ..Given::sample(None) }
                )
                .unwrap()
                .0
                .trim(),
            expected
        );
    }
}

#[test]
fn undeclared_names_are_refused_by_line() {
    refused(
        "a\n{{ titel }}\n{{ host.id }}",
        &[
            "2: `titel` is neither a declared field nor ack, ack_url, recipient or step",
            "3: `host.id` is neither a declared field nor ack, ack_url, recipient or step",
        ],
    );
    refused(
        "{{ nothing | default('x') }}",
        &["1: `nothing` is neither a declared field nor ack, ack_url, recipient or step"],
    );
    refused(
        "{{ range(9) }}",
        &["1: `range` is neither a declared field nor ack, ack_url, recipient or step"],
    );
    refused(
        "{{ title.upper() }}",
        &["1: `title.upper` is neither a declared field nor ack, ack_url, recipient or step"],
    );
    refused(
        "{{ ack.x }}",
        &[
            "1: `ack.x` is neither a declared field nor ack, ack_url, recipient or step",
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
            let _ = template.render(fields.as_object().unwrap(), &Given { recipient: &text, step: 0, ..Given::sample(None) });
        }
    }
}
