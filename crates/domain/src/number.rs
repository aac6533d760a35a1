//! Numbers as they were written: `12.50`, `1e30`, whole numbers that no machine word holds.
//!
//! In: JSON as it came. Out: the same, in which a number that a machine would print in another way is an object that
//! holds its text, `{"$number": "12.50"}`. It stays so on the bus and in stores, and is a number again for schemas and
//! templates. Never: rounds what is printed, or compared with another number.
//!
//! serde_json's `arbitrary_precision` would do the first part, for every crate of the build, and break others: with it a
//! float behind `#[serde(flatten)]` or `#[serde(tag)]` is no longer read.

use std::borrow::Cow;

use serde_json::{Map, Number, Value, json};

/// The only name in an object that holds a number's text.
const KEY: &str = "$number";
/// Most digits that an exponent is written out to. Past them a number is printed as it came.
pub(crate) const PLAIN_DIGITS_MAX: usize = 40;

/// Whole numbers of fewer digits fit a word.
const SHORT_DIGITS: usize = 19;

/// JSON with the texts of those numbers that a machine would print in another way. What is no JSON stays none.
pub(crate) fn keep_texts(json: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while at < json.len() {
        let token = match json[at] {
            b'"' => string_end(json, at) - at,
            b'-' | b'0'..=b'9' => json[at..].iter().take_while(|byte| is_of_number(**byte)).count(),
            _ => 1,
        };
        if let Some(text) = std::str::from_utf8(&json[at..at + token]).ok().filter(|text| needs_text(text)) {
            out.extend_from_slice(&json[copied..at]);
            out.extend_from_slice(format!("{{\"{KEY}\":\"{text}\"}}").as_bytes());
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

/// The text of a number that was kept.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get(KEY)?.as_str().filter(|text| Decimal::of(text).is_some())
}

/// What a text shows of a number: its digits as they were written, an exponent written out.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(['e', 'E']) {
        return Cow::Borrowed(text);
    }
    Decimal::of(text).and_then(|decimal| decimal.plain()).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The value with machine numbers, the nearest ones, for comparing and measuring alone.
pub(crate) fn nearest(value: &Value) -> Value {
    let nearest = |text: &str| {
        // A number past every float is the largest float.
        text.parse().ok().and_then(|number: f64| Number::from_f64(number.clamp(f64::MIN, f64::MAX)))
    };
    replaced(value, &|value| Some(Value::Number(nearest(text_of(value)?)?)))
}

/// The value with one spelling for equal numbers: `1`, `1.0` and `1e0` are the same, and `1.05` and `1.050`.
pub(crate) fn by_value(value: &Value) -> Value {
    replaced(value, &|value| match value.as_number().filter(|number| number.is_f64()) {
        Some(float) => Some(canonical(&float.to_string())),
        None => text_of(value).map(canonical),
    })
}

/// A number of a map, as a machine number where that prints all of it.
fn canonical(text: &str) -> Value {
    let Some(decimal) = Decimal::of(text) else { return json!({ KEY: text }) };
    let text = decimal.plain().unwrap_or_else(|| decimal.scientific());
    match text.parse() {
        Ok(Value::Number(number)) if number.to_string() == text => Value::Number(number),
        _ => json!({ KEY: text }),
    }
}

fn replaced(value: &Value, number: &impl Fn(&Value) -> Option<Value>) -> Value {
    if let Some(number) = number(value) {
        return number;
    }
    match value {
        Value::Array(items) => items.iter().map(|item| replaced(item, number)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), replaced(value, number)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Whether a text is a number of JSON that a machine would print in another way.
fn needs_text(text: &str) -> bool {
    let prints_so = |text: &str| {
        let number: Option<Number> = text.parse().ok();
        number.is_some_and(|number| number.to_string() == text)
    };
    let is_short = text.len() < SHORT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    !is_short
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && (text.ends_with(".0") || text.contains(['e', 'E']) || !prints_so(text))
        && Decimal::of(text).is_some()
}

/// A number of JSON in its digits.
struct Decimal<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// `None` for what the grammar of JSON (RFC 8259, section 6) has no number for.
    fn of(text: &'a str) -> Option<Self> {
        let (is_negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (digits, exponent) =
            rest.split_once(['e', 'E']).map_or((rest, "0"), |(digits, power)| (digits, power));
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = are_digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(are_digits)
            && are_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
        // Past 64 bits one exponent is as good as another.
        let far = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        let exponent = exponent.parse().unwrap_or(far);
        is_number.then_some(Self { is_negative, whole, fraction: fraction.unwrap_or_default(), exponent })
    }

    /// The digits that count, the first and the last of them not 0, and the power of ten by which they are multiplied.
    /// No digits for 0.
    fn parts(&self) -> (String, i64) {
        let digits = format!("{}{}", self.whole, self.fraction);
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        let zeros = digits.len() - digits.trim_end_matches('0').len();
        let power = self.exponent.saturating_sub(self.fraction.len() as i64).saturating_add(zeros as i64);
        (significant.to_owned(), power)
    }

    fn sign(&self) -> &'static str {
        if self.is_negative { "-" } else { "" }
    }

    /// Without an exponent and superfluous zeros; `None` where that takes too many digits.
    fn plain(&self) -> Option<String> {
        let (digits, power) = self.parts();
        if digits.is_empty() {
            return Some("0".to_owned());
        }
        let size = usize::try_from(power.unsigned_abs()).ok().filter(|size| *size <= PLAIN_DIGITS_MAX)?;
        let number = if power >= 0 {
            format!("{digits}{}", "0".repeat(size))
        } else if digits.len() > size {
            let (whole, fraction) = digits.split_at(digits.len() - size);
            format!("{whole}.{fraction}")
        } else {
            format!("0.{}{digits}", "0".repeat(size - digits.len()))
        };
        Some(format!("{}{number}", self.sign()))
    }

    fn scientific(&self) -> String {
        let (digits, power) = self.parts();
        format!("{}{digits}e{power}", self.sign())
    }
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
mod tests;
