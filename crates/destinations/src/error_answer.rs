//! What a service says of a request that it did not take. In: the body of its answer. Out: a few words for operators.
//!
//! Never: words of a body of another form; a number, a control character, or what may be a secret.

use domain::phone::without_numbers;
use serde_json::Value;

/// Most characters that are kept.
const WORDS_CHARS_MAX: usize = 300;
/// A word of so many characters, digits among them, may be a key.
const SECRET_CHARS_MIN: usize = 16;

/// The words, without these secrets. `None`: the body has none of the forms that are known.
pub(crate) fn words(body: &[u8], secrets: &[String]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let said = said(&answer).join("; ");
    let hidden = secrets.iter().filter(|secret| !secret.is_empty());
    let said = hidden.fold(said, |said, secret| said.replace(&**secret, "***"));
    let plain: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let safe: Vec<_> =
        plain.split_whitespace().map(|word| if may_be_secret(word) { "***" } else { word }).collect();
    let safe = without_numbers(&safe.join(" "));
    let mut kept: String = safe.chars().take(WORDS_CHARS_MAX).collect();
    if kept.len() < safe.len() {
        kept.push('…');
    }
    (!kept.is_empty()).then_some(kept)
}

/// By the documentation of GitHub's REST API ("Troubleshooting", validation errors), Jira's ("Status codes") and
/// ServiceNow's Table API; PagerDuty's is of GitHub's form.
fn said(answer: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let mut add =
        |text: &Value| said.extend(text.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned));
    add(&answer["message"]);
    answer["errorMessages"].as_array().into_iter().flatten().for_each(&mut add);
    add(&answer["error"]["message"]);
    match &answer["errors"] {
        Value::Array(errors) => said.extend(errors.iter().filter_map(github_error)),
        Value::Object(errors) => {
            let by_field =
                errors.iter().filter_map(|(field, what)| Some(format!("{field}: {}", what.as_str()?)));
            said.extend(by_field);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    said
}

fn github_error(error: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let of_field = || Some(format!("{} {}", text(&error["field"])?, text(&error["code"])?));
    text(error).or_else(|| text(&error["message"])).or_else(of_field)
}

/// Keys are long and have digits; names of fields, as `customfield_10010`, are words with a number.
fn may_be_secret(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let has = |is: fn(&char) -> bool| word.chars().any(|c| is(&c));
    let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_name = name.ends_with('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let is_long = word.chars().count() >= SECRET_CHARS_MIN;
    is_long && !is_name && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_trackers_are_read() {
        for (body, expected) in [
            (
                r#"{"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title", "code": "missing_field"}], "documentation_url": "https://x"}"#,
                "Validation Failed; title missing_field",
            ),
            (r#"{"message": "Bad", "errors": [{"message": "one"}, "two"]}"#, "Bad; one; two"),
            (
                r#"{"errorMessages": ["No project"], "errors": {"customfield_10010": "Team is required."}}"#,
                "No project; customfield_10010: Team is required.",
            ),
            (
                r#"{"error": {"message": "Invalid table incidents", "detail": null}, "status": "failure"}"#,
                "Invalid table incidents",
            ),
        ] {
            assert_eq!(words(body.as_bytes(), &[]).as_deref(), Some(expected));
        }
    }

    #[test]
    fn nothing_is_kept_of_another_body() {
        for body in ["", "<html>no</html>", "[1]", r#"{"text": "hush"}"#, r#"{"message": 7}"#] {
            assert_eq!(words(body.as_bytes(), &[]), None, "{body}");
        }
    }

    #[test]
    fn words_are_clean_bounded_and_hold_no_secret() {
        let body = r#"{"message": "a\nb\u0007 key pass1 and \"ghp_16C7e42F292c6912E7\" of +49 170 1234567"}"#;
        let said = words(body.as_bytes(), &["pass1".to_owned()]).unwrap();
        assert_eq!(said, "a b key *** and *** of +4…67");
        let long = format!(r#"{{"message": "{}"}}"#, "é ".repeat(400));
        assert_eq!(words(long.as_bytes(), &[]).unwrap().chars().count(), WORDS_CHARS_MAX + 1);
    }
}
