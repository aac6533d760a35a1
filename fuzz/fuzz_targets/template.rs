//! Templates and what they are filled with. In: a template, a line `---`, and the data as JSON. Out: a text within its
//! segments and without links to hosts that are not listed; where the template cannot be said, the code is there all the
//! same.
#![no_main]

use std::sync::LazyLock;

use domain::{
    cloud_event::read_json,
    compose::{ComposeRules, compose},
    content::LinkPolicy,
    schema::FieldSchema,
    segment::{self, BODY_CHARS_MAX},
    template::{Given, Template},
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

static SCHEMA: LazyLock<FieldSchema> = LazyLock::new(|| {
    let text = json!({"type": "string"});
    let schema = json!({"type": "object", "properties": {
        "title": text, "severity": text, "count": {"type": "number"}, "tags": {"type": "array", "items": text},
        "place": {"type": "object", "properties": {"host": text, "port": {"type": "integer"}}}
    }});
    FieldSchema::compile(&schema).expect("a schema")
});

/// Says what it is given.
static TITLE: LazyLock<Template> =
    LazyLock::new(|| Template::compile("{{ title }}", &SCHEMA, false).expect("a template"));

fuzz_target!(|input: &str| {
    let (source, data) = input.split_once("\n---\n").unwrap_or((input, "{}"));
    let link_hosts = ["status.example.com".to_owned(), "*.example.org".to_owned()];
    let code = "K7X4".parse().expect("a code");
    for ack in [None, Some(&code)] {
        let Ok(template) = Template::compile(source, &SCHEMA, ack.is_some()) else { continue };
        let Ok(Value::Object(fields)) = read_json(data.as_bytes()) else { continue };
        let _ = template.check(&fields, ack);
        let given = Given { ack, recipient: "Ada", step: 1, ..Given::default() };
        for max_segments in [0, 1, 3, 10] {
            for links in [LinkPolicy::Defang, LinkPolicy::Refuse] {
                let rules = ComposeRules {
                    template: &template,
                    max_segments,
                    link_hosts: &link_hosts,
                    links,
                    plain: "incident.created db-1",
                };
                let Ok(composed) = compose(&rules, &fields, &given) else {
                    assert_eq!(links, LinkPolicy::Refuse, "a link is made harmless");
                    continue;
                };
                let text = &*composed.text.0;
                assert!(!text.is_empty());
                assert_eq!(composed.segments, segment::count(text));
                assert!(composed.segments.count <= max_segments.max(1), "{max_segments}: {text:?}");
                assert!(text.chars().count() <= BODY_CHARS_MAX);
                if links == LinkPolicy::Defang {
                    let said = json!({ "title": text });
                    let rules = ComposeRules {
                        template: &TITLE,
                        links: LinkPolicy::Refuse,
                        max_segments: 10,
                        ..rules
                    };
                    let again = compose(&rules, said.as_object().expect("an object"), &Given::default());
                    assert!(again.is_ok(), "{again:?} in {text:?}");
                }
                if composed.changes.iter().any(|change| change.field == "template") {
                    assert!(ack.is_none_or(|code| text.contains(code.as_str())), "{text:?}");
                }
            }
        }
    }
});
