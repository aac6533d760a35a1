//! The filters of templates, none of which loses a text. In: values of any kind. Out: what the engine's filter of the same
//! name makes of them, or the value as it is where that filter cannot work on its kind.
//!
//! Never: hides a wrong argument, which belongs to the template and not to the event.

use minijinja::{
    Error, State, Value, filters,
    value::{Kwargs, StringInput, ValueKind},
};

use super::number_texts::{number_text, whole};

/// The name of what makes filters fail instead, for checking a template. No template can write it.
pub(super) const STRICT: &str = " strict";

/// The value as it is where a filter cannot work on it, unless the template is being checked.
fn or_as_is(state: &State<'_, '_>, value: Value, filtered: Result<Value, Error>) -> Result<Value, Error> {
    if state.lookup(STRICT).is_some() { filtered } else { filtered.or(Ok(value)) }
}

/// Of a value that is absent: it stays so, where the engine would refuse the whole text.
pub(super) fn round(
    state: &State<'_, '_>,
    value: Value,
    precision: Option<i32>,
    method: Option<&str>,
    named: Kwargs,
) -> Result<Value, Error> {
    if value.is_undefined() {
        return Ok(value);
    }
    let rounded = filters::round(value.clone(), precision, method, named);
    if value.is_number() {
        return rounded.map(|rounded| whole(&rounded).unwrap_or(rounded));
    }
    or_as_is(state, value, rounded)
}

/// Of a value that is absent: without a default it stays so, and is not 0, which would read as measured.
pub(super) fn int(
    state: &State<'_, '_>,
    value: Value,
    default: Option<Value>,
    base: Option<u32>,
    named: Kwargs,
) -> Result<Value, Error> {
    if value.is_undefined() && default.is_none() && !named.has("default") {
        return Ok(value);
    }
    let converted = filters::int(state, &value, default, base, named);
    match f64::try_from(value.clone()) {
        // The engine would write the digits of the nearest float.
        Ok(float) if value.is_number() && !value.is_integer() => {
            converted.map(|_| whole(&float.trunc().into()).unwrap_or(value))
        }
        Ok(_) | Err(_) => or_as_is(state, value, converted),
    }
}

/// Of numbers: as they came. Null is nothing.
pub(super) fn join(
    state: &mut State<'_, '_>,
    value: Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    named: Kwargs,
) -> Result<Value, Error> {
    // A text is no list of its letters.
    if value.as_str().is_some() {
        return Ok(value);
    }
    let is_list = matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    let list = if is_list {
        let text = |item: Value| if item.is_number() { number_text(state, &item).into() } else { item };
        value.try_iter()?.filter(|item| !item.is_none()).map(text).collect()
    } else {
        value.clone()
    };
    let joined = filters::join(state, &list, joiner, attribute, named);
    if value.is_undefined() { joined } else { or_as_is(state, value, joined) }
}
