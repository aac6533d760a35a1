//! Numbers on their way from JSON to a text. In: events as producers write them. Out: proof that no digit is lost.
//!
//! Never: looks at how a number is kept.

use serde_json::json;

use crate::{
    compose::{ComposeRules, compose},
    content::LinkPolicy,
    event::Event,
    schema::FieldSchema,
    template::{Given, Template},
};

fn event(data: &str) -> Event {
    let json = format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","data":{data}}}"#);
    Event::from_json(json.as_bytes()).unwrap()
}

/// What a text shows of a number, at once and after it was queued.
#[track_caller]
fn check(number: &str, source: &str, expected: &str) {
    let schema = FieldSchema::compile(&json!({ "properties": { "n": {}, "m": {} } })).unwrap();
    let template = &Template::compile(source, &schema, false).unwrap();
    let links = LinkPolicy::Defang;
    let rules =
        ComposeRules { template, max_segments: 2, link_hosts: &[], links, plain: "plain", before: "" };
    let came = event(&format!(r#"{{"n":{number},"m":[{number},7]}}"#));
    let queued = Event::from_json(&came.to_json()).unwrap();
    assert_eq!(queued, came, "{number}");
    let composed =
        compose(&rules, &queued.data, &Given { recipient: "Ada", step: 0, ..Given::sample(None) }).unwrap();
    assert_eq!(&*composed.text.0, expected, "{number} in {source}");
}

#[test]
fn a11_numbers_are_printed_as_they_came() {
    for same in [
        "12.50",
        "12.5",
        "0.00",
        "-0",
        "-3.10",
        "1.0",
        "7",
        "18446744073709551615",
        "-9223372036854775809",
        "1234567890123456789012345",
        "12345678901234567.25",
        "0.1234567890123456789012",
        "0.0000001",
        "1e400",
        "1E-999999999999999999999",
    ] {
        check(same, "{{ n }}", same);
        check(same, "{{ m | join('/') }}", &format!("{same}/7"));
    }
    for (exponent, plain) in [
        ("1e3", "1000"),
        ("7e0", "7"),
        ("1.50E+2", "150"),
        ("2.5e-3", "0.0025"),
        ("1e-7", "0.0000001"),
        ("1e30", "1000000000000000000000000000000"),
        ("-12345678901234567890e3", "-12345678901234567890000"),
        ("0e9", "0"),
    ] {
        check(exponent, "{{ n }}", plain);
    }
}

#[test]
fn a11_numbers_within_lists_and_objects_are_printed_as_they_came() {
    for (value, expected) in [
        ("[[1234567890123456789012345]]", "[[1234567890123456789012345]]"),
        (r#"{"a":1e3,"b":[12.50,true,"x\"y"]}"#, r#"{"a":1000,"b":[12.50,true,"x\"y"]}"#),
        ("[null]", "[null]"),
        ("[]", "[]"),
    ] {
        check(value, "{{ n }}", expected);
    }
    check("[null,1]", "{% for item in n %}{{ item }};{% endfor %}{{ n | join('/') }}", ";1;1");
}

#[test]
fn a11_an_endless_number_is_cut_as_other_fields_are() {
    let schema = FieldSchema::compile(&json!({ "properties": { "n": {}, "title": {} } })).unwrap();
    let links = LinkPolicy::Defang;
    let digits = "9".repeat(401);
    for (number, source, name) in [
        (digits.clone(), "{{ title }}: {{ n }}", "n"),
        (format!("[{digits}]"), "{{ title }}: {{ n }}", "n.0"),
    ] {
        let template = &Template::compile(source, &schema, false).unwrap();
        let rules =
            ComposeRules { template, max_segments: 2, link_hosts: &[], links, plain: "plain", before: "" };
        let data = event(&format!(r#"{{"title":"Disk full","n":{number}}}"#)).data;
        let composed =
            compose(&rules, &data, &Given { recipient: "Ada", step: 0, ..Given::sample(None) }).unwrap();
        assert!(
            composed.text.0.starts_with("Disk full: ") && composed.text.0.contains("9..."),
            "{composed:?}"
        );
        assert_eq!((composed.shortened, composed.changes.len()), (vec![name.to_owned()], 0));
    }
}

#[test]
fn a11_a_template_calculates_with_numbers_however_they_are_written() {
    for (number, source, expected) in [
        ("12.50", "{% if n > 9 %}{{ n }}{% endif %}", "12.50"),
        ("1e400", "{% if n > 9 %}{{ n }}{% endif %}", "1e400"),
        ("1234567890123456789012345", "{% if n > 9 %}big{% endif %}", "big"),
        ("12.50", "{{ n | round }} {{ n | int }} {{ n | round(1) }}", "12 12 12.50"),
        ("12345678901234567.89", "{{ n | round }}", "12345678901234568"),
        ("1e3", "{{ n + 1 }}", "1001"),
    ] {
        check(number, source, expected);
    }
}

#[test]
fn a11_two_numbers_that_one_float_stands_for_keep_their_own_digits() {
    let schema = FieldSchema::compile(&json!({ "properties": { "n": {}, "m": {} } })).unwrap();
    let template = Template::compile("{{ n }} {{ m }}", &schema, false).unwrap();
    for (n, m) in [("12.50", "12.5"), ("12345678901234567.1", "12345678901234567.2"), ("1e400", "1e500")] {
        let data = event(&format!(r#"{{"n":{n},"m":{m}}}"#)).data;
        assert_eq!(
            template.render(&data, &Given { recipient: "Ada", step: 0, ..Given::sample(None) }).unwrap().0,
            format!("{n} {m}")
        );
    }
}

#[test]
fn a11_a_number_fits_a_schema_of_numbers_however_it_is_written() {
    for (number, wrong_for) in [
        ("1234567890123456789012345", [0, 0, 1, 1, 0]),
        ("12.50", [1, 0, 1, 1, 0]),
        ("1.0", [0, 0, 1, 1, 1]),
        ("1e400", [0, 0, 1, 1, 0]),
    ] {
        let kinds = ["integer", "number", "string", "boolean"].map(|kind| json!({ "type": kind }));
        let [integer, float, string, boolean] = kinds;
        let found = [integer, float, string, boolean, json!({ "minimum": 12 })].map(|kind| {
            let schema = json!({ "type": "object", "properties": { "n": kind } });
            FieldSchema::compile(&schema)
                .unwrap()
                .validate(&event(&format!(r#"{{"n":{number}}}"#)).data)
                .len()
        });
        assert_eq!(found, wrong_for, "{number}");
    }
}

#[test]
fn a14_equal_numbers_are_the_same_content_however_they_are_written() {
    let content = |number: &str| event(&format!(r#"{{"n":[{number}]}}"#)).content();
    for equal in [
        &["1", "1.0", "1e0", "10e-1", "1.000"][..],
        &["12.5", "12.50", "1.25e1", "125E-1"],
        &["0", "-0", "0.0", "-0e5"],
        &["1e30", "1000000000000000000000000000000", "1E+30"],
        &["1e400", "10e399"],
        &["-0.0000001", "-1e-7"],
    ] {
        assert!(equal.iter().all(|number| content(number) == content(equal[0])), "{equal:?}");
    }
    let different =
        ["1", "-1", "10", "0.1", "\"1\"", "12345678901234567.1", "12345678901234567.2", "1e400", "1e401"];
    for (at, one) in different.iter().enumerate() {
        assert!(different[..at].iter().all(|other| content(other) != content(one)), "{one}");
    }
}

#[test]
fn numbers_of_any_spelling_leave_the_room_for_data_as_it_is() {
    let numbers = vec!["1.0"; 8_000].join(",");
    assert_eq!(event(&format!(r#"{{"m":[{numbers}]}}"#)).data["m"].as_array().unwrap().len(), 8_000);
}

#[test]
fn what_is_no_number_stays_what_it_is() {
    let same = r#"{"a":"12.50","$number":"x","b":{"$number":"1e"},"c":"\" 12.50","d":"\\"}"#;
    assert_eq!(
        event(same).data,
        *serde_json::from_str::<serde_json::Value>(same).unwrap().as_object().unwrap()
    );
    for broken in
        ["{\"n\":01}", "{\"n\":1.}", "{\"n\":.5}", "{\"n\":1e}", "{\"n\":--1}", "{\"n\":12.50", "{\"n\":\"\\"]
    {
        let json = format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","data":{broken}}}"#);
        assert!(Event::from_json(json.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn a_number_is_no_text_attribute_and_may_be_a_time() {
    let with = |attribute: &str| {
        let json = format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t",{attribute}}}"#);
        Event::from_json(json.as_bytes())
    };
    let errors = with(r#""subject":12.50"#).unwrap_err();
    assert_eq!(errors[0].to_string(), "/subject expected a string");
    for time in ["1.7e12", "1700000000000.0", "1700000000.000", "1700000000000"] {
        assert_eq!(
            with(&format!("\"time\":{time}")).unwrap().time.unwrap().as_second(),
            1_700_000_000,
            "{time}"
        );
    }
    assert_eq!(with("\"time\":1e400").unwrap().claimed_time(), None);
}
