//! Makes data that nobody wrote for a schema fit it. In: fields of a tool, and the schemas of those who take them. Out: the
//! same fields, as far as they can be had.
//!
//! Never: drops what a schema requires, or invents more than the word "unknown".

use serde_json::{Map, Value};

use super::FieldSchema;

/// What stands for a required text that the tool did not give.
const UNKNOWN: &str = "unknown";
/// Words for how bad something is, worst first. Each line is one degree.
const SEVERITIES: [&[&str]; 4] = [
    &["critical", "crit", "page", "emergency", "emerg", "fatal", "disaster", "blocker", "p1", "sev1"],
    &["high", "error", "err", "major", "urgent", "p2", "sev2"],
    &["warning", "warn", "medium", "moderate", "average", "minor", "p3", "sev3"],
    &[
        "low",
        "info",
        "information",
        "informational",
        "notice",
        "debug",
        "none",
        "ok",
        "p4",
        "p5",
        "sev4",
        "sev5",
    ],
];
/// The degree of a word that is not known.
const DEGREE_DEFAULT: usize = 1;

/// The worst of these words.
pub(crate) fn worst_severity(words: impl Iterator<Item = String>) -> Option<String> {
    words.min_by_key(|word| degree(word).unwrap_or(DEGREE_DEFAULT))
}

/// Makes data fit: what no schema declares is left out, texts are cut and converted, words for a severity are replaced by
/// those that a schema lists, and what still does not fit is left out where it may be.
pub(crate) fn fit(data: &mut Map<String, Value>, schemas: &[&FieldSchema]) {
    if schemas.is_empty() {
        return;
    }
    data.retain(|name, _| schemas.iter().any(|schema| schema.declares(&[name])));
    for schema in schemas {
        for (name, value) in data.iter_mut() {
            if let Some(rules) = schema.find(&[name]).and_then(|rules| schema.follow(rules)) {
                fit_one(value, rules);
            }
        }
        for name in required(schema) {
            let rules = schema.find(&[name]).and_then(|rules| schema.follow(rules));
            let is_text = rules.is_some_and(|rules| rules.get("type") == Some(&"string".into()));
            if is_text && data.get(name).is_none_or(|value| value == "") {
                data.insert(name.to_owned(), UNKNOWN.into());
            }
        }
    }
    for schema in schemas {
        for error in schema.validate(data) {
            let name = error.pointer.split('/').nth(2).unwrap_or_default();
            if !schemas.iter().any(|schema| required(schema).any(|required| required == name)) {
                data.remove(name);
            }
        }
    }
}

fn required(schema: &FieldSchema) -> impl Iterator<Item = &str> {
    let names = schema.0.schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

fn fit_one(value: &mut Value, rules: &Value) {
    let takes = |kind: &str| match rules.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|taken| taken == kind),
        Some(taken) => taken == kind,
        None => kind == "string",
    };
    let is_taken = match value {
        Value::Number(_) => takes("integer") || takes("number"),
        Value::Bool(_) => takes("boolean"),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => true,
    };
    if !is_taken && takes("string") {
        *value = Value::String(value.to_string());
    }
    let Value::String(text) = value else { return };
    if let Some(options) = rules.get("enum").and_then(Value::as_array) {
        let options: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        if let Some(option) = option_for(text, &options) {
            *text = option.to_owned();
        }
        return;
    }
    if takes("string") {
        let most = rules.get("maxLength").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        if let Some((end, _)) = most.and_then(|most| text.char_indices().nth(most)) {
            text.truncate(end);
        }
        return;
    }
    // As JSON writes it: a number, or true and false.
    if let Ok(parsed) = serde_json::from_str::<Value>(text)
        && (parsed.is_boolean() && takes("boolean")
            || parsed.is_number() && (takes("number") || takes("integer")))
    {
        *value = parsed;
    }
}

/// The listed word that a text means: itself, in whatever case; else the nearest degree, rather a worse one, of words for
/// a severity.
fn option_for<'a>(text: &str, options: &[&'a str]) -> Option<&'a str> {
    if let Some(same) = options.iter().find(|option| option.eq_ignore_ascii_case(text)) {
        return Some(same);
    }
    let wanted = degree(text).unwrap_or(DEGREE_DEFAULT);
    let degrees = options.iter().filter_map(|option| Some((*option, degree(option)?)));
    degrees.min_by_key(|(_, degree)| (degree.abs_diff(wanted), *degree)).map(|(option, _)| option)
}

fn degree(word: &str) -> Option<usize> {
    SEVERITIES.iter().position(|words| words.iter().any(|known| known.eq_ignore_ascii_case(word.trim())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn incident() -> FieldSchema {
        FieldSchema::compile(&json!({
            "type": "object", "required": ["severity", "title", "service"], "additionalProperties": false,
            "properties": {
                "severity": {"type": "string", "enum": ["critical", "high", "low"]},
                "title": {"type": "string", "minLength": 1, "maxLength": 10},
                "service": {"type": "string", "minLength": 1},
                "count": {"type": "integer"},
                "is_new": {"type": "boolean"},
                "code": {"type": "string", "pattern": "^[0-9]+$"},
            },
        }))
        .unwrap()
    }

    fn fitted(data: Value) -> Value {
        let mut data = data.as_object().unwrap().clone();
        fit(&mut data, &[&incident()]);
        assert_eq!(incident().validate(&data), [], "{data:?}");
        Value::Object(data)
    }

    #[test]
    fn fields_are_cut_converted_completed_and_left_out() {
        let data = json!({
            "severity": "CRITICAL", "title": "äöüäöüäöüäöü", "count": "3", "is_new": "true", "code": "x", "more": 1
        });
        let fit = json!({
            "severity": "critical", "title": "äöüäöüäöüä", "service": "unknown", "count": 3, "is_new": true
        });
        assert_eq!(fitted(data), fit);
    }

    #[test]
    fn a_text_takes_a_number_and_an_empty_required_text_is_unknown() {
        let fit = fitted(json!({"severity": "low", "title": 7, "service": "", "count": "many"}));
        assert_eq!(fit, json!({"severity": "low", "title": "7", "service": "unknown"}));
    }

    #[test]
    fn a_severity_becomes_the_nearest_that_is_listed_rather_a_worse_one() {
        for (said, expected) in [
            ("High", "high"),
            ("page", "critical"),
            ("error", "high"),
            ("warning", "high"),
            ("info", "low"),
            ("gelb", "high"),
        ] {
            let fit = fitted(json!({"severity": said, "title": "x", "service": "x"}));
            assert_eq!(fit["severity"], expected, "{said}");
        }
        let words = ["info", "page", "warning"].map(str::to_owned);
        assert_eq!(worst_severity(words.into_iter()).as_deref(), Some("page"));
    }

    #[test]
    fn what_one_of_two_schemas_declares_is_kept() {
        let other = FieldSchema::compile(&json!({"properties": {"runbook": {"type": "string"}}})).unwrap();
        let mut data = json!({"severity": "low", "title": "x", "service": "x", "runbook": "r", "count": 1});
        let data = data.as_object_mut().unwrap();
        fit(data, &[&other]);
        assert_eq!(Value::Object(data.clone()), json!({"runbook": "r"}));
    }
}
