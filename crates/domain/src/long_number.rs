//! Whole numbers that no machine word holds, in JSON: account numbers, counters of 128 bits.
//!
//! In: JSON as it came. Out: the same with such numbers as strings, so that every digit of them reaches the text.
//! Never: changes a number that a word holds exactly, or one with a fraction or an exponent.

use std::borrow::Cow;

/// Shorter numbers fit a word.
const DIGITS_MIN: usize = 19;

/// Whether a text is a whole number that no machine word holds.
pub(crate) fn is_long(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() >= DIGITS_MIN
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_err()
        && text.parse::<u64>().is_err()
}

/// JSON with its long numbers in quotes. What is no JSON stays none.
pub(crate) fn quoted(json: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while at < json.len() {
        let token = match json[at] {
            b'"' => string_end(json, at) - at,
            b'-' | b'0'..=b'9' => json[at..].iter().take_while(|byte| is_of_number(**byte)).count(),
            _ => 1,
        };
        let text = &json[at..at + token];
        if std::str::from_utf8(text).is_ok_and(is_long) {
            out.extend_from_slice(&json[copied..at]);
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
            copied = at + token;
        }
        at += token;
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.extend_from_slice(&json[copied..]);
    Cow::Owned(out)
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Where the string that begins at `start` ends.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < json.len() {
        match json[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::Event, schema::FieldSchema};

    fn check(json: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&quoted(json.as_bytes())), expected);
    }

    #[test]
    fn a11_a_number_of_25_digits_keeps_them_and_fits_a_schema_of_numbers() {
        let digits = "1234567890123456789012345";
        let json = format!(
            r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","data":{{"account":{digits},"tags":[{digits}]}}}}"#
        );
        let data = Event::from_json(json.as_bytes()).unwrap().data;
        assert_eq!((data["account"].as_str(), data["tags"][0].as_str()), (Some(digits), Some(digits)));
        let wrong = |kind: &str| {
            let properties = json!({ "account": { "type": kind }, "tags": { "items": { "type": kind } } });
            let schema =
                FieldSchema::compile(&json!({ "type": "object", "properties": properties })).unwrap();
            schema.validate(&data).len()
        };
        assert_eq!(["integer", "number", "string", "boolean"].map(wrong), [0, 0, 0, 2]);
    }

    #[test]
    fn only_whole_numbers_that_no_word_holds_are_quoted() {
        let long = "1234567890123456789012345";
        check(&format!(r#"{{"a":{long},"b":[-{long} ]}}"#), &format!(r#"{{"a":"{long}","b":["-{long}" ]}}"#));
        for same in [
            r#"{"a":18446744073709551615,"b":-9223372036854775808,"c":7}"#,
            r#"{"a":12345678901234567890.5,"b":12345678901234567890e3,"c":0.1234567890123456789012}"#,
            r#"{"a":"1234567890123456789012345","1234567890123456789012345":"\" 1234567890123456789012345"}"#,
            r#"{"broken":"12345678901234567890123"#,
            r#"{"broken":"\"#,
            "",
        ] {
            check(same, same);
            assert!(matches!(quoted(same.as_bytes()), Cow::Borrowed(_)));
        }
        check("18446744073709551616", "\"18446744073709551616\"");
        check("-9223372036854775809", "\"-9223372036854775809\"");
    }
}
