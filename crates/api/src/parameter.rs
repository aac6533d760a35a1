//! Parameters of a query. In: texts. Out: values, or an error that names the parameter, what is expected and an example.
//!
//! Never: repeats what was sent: it may be a number.

use std::str::FromStr;

use domain::time::time_or_ago;
use jiff::Timestamp;

use crate::api_error::ApiError;

/// The value of a parameter, if it is there.
pub(crate) fn parsed<T: FromStr>(
    name: &str,
    text: Option<&str>,
    expected: &str,
    example: &str,
) -> Result<Option<T>, ApiError> {
    let read = |text: &str| text.parse().map_err(|_| wrong(name, expected, example));
    text.map(read).transpose()
}

/// A moment, or how long ago it was.
pub(crate) fn moment(name: &str, text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let expected = "a time with its zone, or how long ago it was";
    let read = |text: &str| {
        time_or_ago(text, now).ok_or_else(|| wrong(name, expected, "2026-01-31T09:30:00Z or 2h"))
    };
    text.map(read).transpose()
}

/// Whether something is wanted; not without the parameter.
pub(crate) fn flag(name: &str, text: Option<&str>) -> Result<bool, ApiError> {
    Ok(parsed(name, text, "true or false", "true")?.unwrap_or_default())
}

/// How many entries a page may have.
pub(crate) fn page_size(text: Option<&str>, default: u16, most: u16) -> Result<u16, ApiError> {
    let expected = format!("a whole number from 1 to {most}");
    let max = parsed::<u16>("max", text, &expected, "50")?.unwrap_or(default);
    if (1..=most).contains(&max) { Ok(max) } else { Err(wrong("max", &expected, "50")) }
}

/// A name that must be one of these.
pub(crate) fn known(name: &str, text: Option<&str>, names: &[String]) -> Result<(), ApiError> {
    match text.filter(|text| !names.iter().any(|known| known == text)) {
        None => Ok(()),
        Some(_) if names.is_empty() => Err(ApiError::Invalid(format!("{name}: there is none"))),
        Some(_) => {
            Err(ApiError::Invalid(format!("{name}: there is no such one; there are {}", names.join(", "))))
        }
    }
}

fn wrong(name: &str, expected: &str, example: &str) -> ApiError {
    ApiError::Invalid(format!("{name}: expected {expected}, for example {name}={example}"))
}
