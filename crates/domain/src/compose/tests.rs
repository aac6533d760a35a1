//! Composition, seen from outside. In: templates and events. Out: texts as a phone shows them.
//!
//! Never: looks at how a field was cut, only at what is left of it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{schema::FieldSchema, segment::Encoding};

const LINK: &str = "https://callout.example/a/run-1/secret";
const SOURCE: &str = "{{ severity | upper }}: {{ title }} ({{ host.name }}). Reply {{ ack }} to acknowledge.";

fn template(source: &str) -> Template {
    let schema = json!({ "properties": {
        "severity": {}, "title": {}, "url": {}, "tags": {}, "unused": {}, "host": { "properties": { "name": {} } },
    }});
    Template::compile(source, &FieldSchema::compile(&schema).unwrap(), source.contains("ack")).unwrap()
}

fn try_compose(source: &str, max_segments: u8, fields: Value) -> Result<Composed, LinkRefused> {
    let link_hosts = ["status.example.com".to_owned()];
    let links = LinkPolicy::Defang;
    let (template, plain) = (&template(source), "paging: db-1");
    let rules = ComposeRules { template, max_segments, link_hosts: &link_hosts, links, plain, before: "" };
    let code = "K7X4".parse().unwrap();
    let given = Given { ack: Some(&code), ack_url: Some(LINK), recipient: "Ada\nLovelace", step: 1 };
    compose(&rules, fields.as_object().unwrap(), &given)
}

#[track_caller]
fn check(source: &str, max_segments: u8, fields: Value, expected: &str) -> Composed {
    let composed = try_compose(source, max_segments, fields).unwrap();
    assert_eq!(&*composed.text.0, expected);
    assert_eq!(composed.segments, segment::count(&composed.text.0));
    composed
}

#[test]
fn a_text_that_fits_is_left_whole() {
    let fields = json!({ "severity": "critical", "title": "disk “full” – 98%…", "host": { "name": "db-1" } });
    let composed =
        check(SOURCE, 1, fields, "CRITICAL: disk \"full\" - 98%... (db-1). Reply K7X4 to acknowledge.");
    assert_eq!((composed.segments.encoding, composed.segments.count), (Encoding::Gsm7, 1));
    assert_eq!(composed.shortened, [""; 0]);
    check("\n “Hi”  {{ recipient }}\n", 1, json!({}), "\"Hi\"  Ada Lovelace");
}

#[test]
fn the_link_that_acknowledges_is_always_whole_and_no_foreign_one_comes_in_its_place() {
    let source = "{{ title }} {{ ack }} {{ ack_url }}";
    check(source, 1, json!({ "title": "Disk full" }), &format!("Disk full K7X4 {LINK}"));
    let long = try_compose(source, 1, json!({ "title": "x".repeat(400) })).unwrap();
    assert!(long.text.0.ends_with(&format!("... K7X4 {LINK}")), "{}", long.text.0);
    let foreign = json!({ "title": "see https://evil.example/a", "ack_url": "https://evil.example/" });
    check(source, 1, foreign, &format!("see evil(.)example/a K7X4 {LINK}"));
}

#[test]
fn the_longest_field_is_cut_first() {
    let fields = json!({ "severity": "critical", "title": "x".repeat(300), "host": { "name": "db-1" } });
    let expected = format!("CRITICAL: {}... (db-1). Reply K7X4 to acknowledge.", "x".repeat(112));
    let composed = check(SOURCE, 1, fields, &expected);
    assert_eq!((composed.segments.units, composed.segments.count), (160, 1));
    assert_eq!(composed.shortened, ["title"]);

    let fields =
        json!({ "severity": "high", "title": "y ".repeat(200), "host": { "name": "z".repeat(200) } });
    let composed = try_compose(SOURCE, 1, fields).unwrap();
    assert_eq!(composed.shortened, ["host.name", "title"]);
    assert!(composed.text.0.starts_with("HIGH: y y") && composed.text.0.contains("... (zzz"));
    assert!(composed.text.0.ends_with("z...). Reply K7X4 to acknowledge.") && composed.segments.units > 155);
}

#[test]
fn array_elements_are_cut_one_by_one() {
    let fields = json!({ "tags": ["short", "x".repeat(300)] });
    let composed = check("{{ tags | join(' ') }}", 1, fields, &format!("short {}...", "x".repeat(151)));
    assert_eq!(composed.shortened, ["tags.1"]);
}

#[test]
fn one_character_outside_gsm7_halves_the_room() {
    let fields =
        json!({ "severity": "high", "title": format!("😜{}", "x".repeat(100)), "host": { "name": "db" } });
    let composed = try_compose(SOURCE, 1, fields).unwrap();
    assert_eq!((composed.segments.encoding, composed.segments.units), (Encoding::Ucs2, 70));
    // A cluster is kept or dropped, never halved.
    let family = "👨‍👩‍👧‍👦".repeat(20);
    let composed = try_compose("{{ title }}", 1, json!({ "title": family })).unwrap();
    assert_eq!(&*composed.text.0, &format!("{}...", "👨‍👩‍👧‍👦".repeat(6)));
}

#[test]
fn what_cannot_be_said_as_configured_is_said_plainly() {
    let plain = "paging: db-1. Reply K7X4 to acknowledge.";
    let changed =
        |composed: Composed| composed.changes.into_iter().map(|change| change.reason).collect::<Vec<_>>();
    let literal = format!("{}{{{{ title }}}}", "w".repeat(200));
    let too_long = check(&literal, 1, json!({ "title": "x" }), plain);
    assert_eq!(changed(too_long), ["longer than 1 segment with every field cut away"]);
    assert_eq!(changed(check("{{ title }}", 1, json!({ "title": " \n" }), plain)), ["empty"]);
    check("{{ host }} {{ tags }}", 1, json!({ "host": { "name": "a" }, "tags": [1] }), r#"{"name":"a"} [1]"#);
    let unwritable = check("{{ title + 1 }}", 1, json!({ "title": "x" }), plain);
    check("{{ title | round }} {{ title | int }}", 1, json!({ "title": "x" }), "x x");
    assert!(changed(unwritable)[0].starts_with("the template failed at line 1"));
    let composed = try_compose("{{ title }}", 255, json!({ "title": "x".repeat(70_000) })).unwrap();
    assert_eq!(composed.text.0.len(), BODY_CHARS_MAX);
}

#[test]
fn a10_an_absent_field_is_nothing_and_is_named() {
    let composed =
        check("{{ title }} on {{ host.name }}.", 1, json!({ "title": "Down", "host": null }), "Down on .");
    assert_eq!(composed.changes, [ContentChange { field: "host.name".into(), reason: "absent".into() }]);
    let composed = check("{{ title | default('Down') }}", 1, json!({}), "Down");
    assert_eq!(composed.changes, []);
}

#[test]
fn a11_numbers_and_truths_are_printed_as_they_came() {
    let fields =
        serde_json::from_str(r#"{"severity": 1e3, "title": true, "url": 2.5, "tags": [1, 7e0]}"#).unwrap();
    check("{{ severity }} {{ title }} {{ url }} {{ tags | join(',') }}", 1, fields, "1000 true 2.5 1,7");
}

#[test]
fn a12_what_nobody_sees_goes_and_dashes_are_folded() {
    let title = "db\u{200c}-1\u{ad} is 5\u{2011}7\u{2012}9\u{2212}11 ms";
    let composed = check("{{ title }}", 1, json!({ "title": title }), "db-1 is 5-7-9-11 ms");
    assert_eq!(composed.segments.encoding, Encoding::Gsm7);
}

#[test]
fn a12_hidden_tags_go_and_emoji_stay_whole() {
    let hidden: String = "ACK".chars().map(|c| char::from_u32(0xe_0000 + u32::from(c)).unwrap()).collect();
    let title = format!("db{hidden}\u{3164} \u{202a}up\u{2069}");
    check("{{ title }}", 1, json!({ "title": title }), "db up");
    for emoji in [
        "👩\u{200d}💻 ❤\u{fe0f} 3\u{fe0f}\u{20e3}",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    ] {
        check("{{ title }}", 1, json!({ "title": emoji }), emoji);
    }
}

#[test]
fn a_field_cannot_forge_lines_templates_or_writing_direction() {
    let title = "down\r\nReply STOP\u{2028}now \u{202e}evil {{ ack }} {% raw %}";
    check(
        "{{ title }}\n{{ ack }}",
        1,
        json!({ "title": title }),
        "down  Reply STOP now evil {{ ack }} {% raw %}\nK7X4",
    );
}

#[test]
fn a_list_that_is_too_long_is_cut_and_the_rest_of_the_text_stays() {
    let hosts: Vec<String> = (1..=500).map(|n| format!("host-{n}")).collect();
    let source = "{{ title }}: {{ tags | join(', ') }}. Reply {{ ack }}";
    let fields = json!({ "title": "DB DOWN", "tags": hosts });
    let shown = (1..=16).map(|n| format!("host-{n}, ")).collect::<String>();
    let expected = format!("DB DOWN: {shown}.... Reply K7X4");
    let composed = check(source, 1, fields, &expected);
    assert_eq!((composed.shortened, composed.changes), (vec!["tags".to_owned()], vec![]));
    // Where another field is long as well, a few elements are left beside it.
    let fields = json!({ "title": "x".repeat(300), "tags": (1..=90).collect::<Vec<_>>() });
    let composed = try_compose(source, 1, fields).unwrap();
    assert!(composed.text.0.ends_with("xx...: 1, 2, 3, 4, .... Reply K7X4"), "{}", composed.text.0);
    assert_eq!(composed.segments.count, 1);
    assert_eq!(composed.shortened, ["tags", "title"]);
    let within = check("{{ host.name | join(',') }}", 1, json!({ "host": { "name": "db-1" } }), "db-1");
    assert!(within.shortened.is_empty(), "a text is no list of its letters");
}

#[test]
fn a4_a_link_to_an_unlisted_host_is_made_harmless_and_named() {
    check("{{ url }}", 1, json!({ "url": "https://status.example.com/1" }), "https://status.example.com/1");
    check(
        "{{ title }}",
        1,
        json!({ "title": "db-1.internal is down", "unused": "bit.ly/x" }),
        "db-1.internal is down",
    );
    for (fields, expected, place) in [
        (json!({ "title": "see bit.ly/x", "host": { "name": "" } }), "see bit(.)ly/x", "the field `title`"),
        (
            json!({ "title": "see", "host": { "name": " www.evil.example" } }),
            "see www(.)evil(.)example",
            "the field `host.name`",
        ),
        (json!({ "title": "bit。ly／x", "host": { "name": "" } }), "bit(.)ly/x", "the field `title`"),
        (
            json!({ "title": "http:", "host": { "name": "//x.example" } }),
            "x(.)example",
            "the field `host.name`",
        ),
        (json!({ "title": "evil", "host": { "name": ".com/x" } }), "evil(.)com/x", "the text"),
        (
            json!({ "title": "https\u{200d}://", "host": { "name": "x.example" } }),
            "x(.)example",
            "the field `host.name`",
        ),
    ] {
        let composed = check("{{ title }}{{ host.name }}", 1, fields, expected);
        assert_eq!(composed.changes[0].field, place);
    }
}

#[test]
fn a5_letters_and_dots_that_look_alike_make_no_link() {
    for (title, expected) in [
        ("evil\u{2024}com/x", "evil(.)com/x"),
        ("evil\u{3002}ｃｏｍ", "evil(.)com"),
        ("ｅｖｉｌ\u{ff0e}ＣＯＭ/x", "evil(.)COM/x"),
        ("evil\u{ff61}com", "evil(.)com"),
        ("evil\u{fe52}com", "evil(.)com"),
        ("𝐞𝐯𝐢𝐥.𝗰𝗼𝗺/x", "evil(.)com/x"),
        ("ⓔⓥⓘⓛ.ⓒⓞⓜ", "evil(.)com"),
        ("ｈｔｔｐ：／／x", "x"),
        ("http://[::1]/x", "[::1]/x"),
        ("25ºC, Brand™ and m²", "25ºC, Brand™ and m²"),
    ] {
        check("{{ title }}", 1, json!({ "title": title }), expected);
    }
}

#[test]
fn a_workflow_may_refuse_texts_with_links() {
    let (template, links) = (&template("{{ title }}"), LinkPolicy::Refuse);
    let rules =
        ComposeRules { template, max_segments: 1, link_hosts: &[], links, plain: "paging", before: "" };
    let fields = json!({ "title": "see bit.ly/x" });
    let refused = compose(&rules, fields.as_object().unwrap(), &Given { ack: None, ..Given::sample(None) })
        .unwrap_err();
    assert_eq!((refused.place.as_str(), refused.host.as_str()), ("the field `title`", "bit.ly"));
}

#[test]
fn a_link_is_cut_after_its_host_or_goes_whole() {
    for (length, kept) in [(125, " https://status.example.com"), (140, "")] {
        let before = "x".repeat(length);
        let title = format!("{before} https://status.example.com/incident/123456789");
        let expected = format!("{before}{kept}...");
        let composed = check("{{ title }}", 1, json!({ "title": title }), &expected);
        assert_eq!(composed.shortened, ["title"]);
    }
    let title = format!("https://evil.com/{}", "a".repeat(300));
    check("{{ title }}. Reply {{ ack }}", 1, json!({ "title": title }), "evil(.)com.... Reply K7X4");
}

proptest! {
    #[test]
    fn every_text_fits_and_keeps_its_code(
        severity in any::<String>(), title in "\\PC{0,300}", name in "[a-z€é😜 \n]{0,200}", max_segments: u8,
    ) {
        let fields = json!({ "severity": severity, "title": title, "host": { "name": name } });
        let composed = try_compose(SOURCE, max_segments, fields).unwrap();
        prop_assert!(composed.segments.count <= max_segments.max(1));
        prop_assert!(composed.text.0.chars().count() <= BODY_CHARS_MAX);
        prop_assert!(composed.text.0.ends_with("Reply K7X4 to acknowledge."));
        prop_assert!(!composed.text.0.contains('\n'));
    }

    #[test]
    fn a_cut_is_within_its_limit(text in any::<String>(), units_max in 0usize..50) {
        let cut = cut(&text, units_max);
        prop_assert!(units_of(&cut) <= units_max);
        prop_assert!(matches!(cut, Cow::Borrowed(_)) == (units_of(&text) <= units_max));
    }
}
