//! Numbers of an event for the engine, which calculates with machine numbers. In: the fields. Out: the engine's values,
//! and the text that each of their numbers was written as.
//!
//! Never: lets one number be printed as another: where two share a machine number, both are texts.

use std::collections::BTreeMap;

use minijinja::{
    Error, State,
    value::{Object, ValueKind},
};
use serde_json::{Map, Value};

use super::grammar::is_name;
use crate::number;

/// The texts of an event's numbers, by the bits of the floats that stand for them.
#[derive(Debug, Clone, Default)]
pub(super) struct NumberTexts(BTreeMap<u64, Text>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    One(String),
    /// Several numbers share the float.
    Several,
}

impl Object for NumberTexts {}

impl NumberTexts {
    /// Where the engine finds them. No template can write this name.
    pub(super) const NAME: &str = " number texts";

    pub(super) fn of(fields: &Map<String, Value>) -> Self {
        let mut texts = Self::default();
        fields.values().for_each(|value| texts.add(value));
        texts
    }

    fn add(&mut self, value: &Value) {
        if let Some((float, text)) = float_of(value) {
            let entry = self.0.entry(float.to_bits()).or_insert_with(|| Text::One(text.clone()));
            if *entry != Text::One(text) {
                *entry = Text::Several;
            }
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(map) => map.values().for_each(|item| self.add(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A field's value for the engine; `None` for null, which counts as absent.
    pub(super) fn engine_value(&self, value: &Value) -> Option<minijinja::Value> {
        if let Some((float, text)) = float_of(value) {
            let is_shared = self.0.get(&float.to_bits()) == Some(&Text::Several);
            return Some(if is_shared { text.into() } else { float.into() });
        }
        Some(match value {
            Value::Null => return None,
            Value::Bool(yes) => (*yes).into(),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => whole.into(),
                (None, whole) => whole.unwrap_or_default().into(),
            },
            Value::String(text) => text.as_str().into(),
            Value::Array(items) => {
                items.iter().map(|item| self.engine_value(item).unwrap_or(().into())).collect()
            }
            Value::Object(map) => {
                let named = map.iter().filter(|(name, _)| is_name(name));
                minijinja::Value::from_pairs(
                    named.filter_map(|(name, value)| Some((name.as_str(), self.engine_value(value)?))),
                )
            }
        })
    }
}

/// What is written of a number of the engine: as it came in the event, else in plain digits.
pub(super) fn number_text(state: &State<'_, '_>, value: &minijinja::Value) -> String {
    let float = f64::try_from(value.clone()).ok().filter(|_| !value.is_integer());
    let Some(float) = float else { return value.to_string() };
    let texts = state.lookup(NumberTexts::NAME);
    let texts = texts.as_ref().and_then(|texts| texts.downcast_object_ref::<NumberTexts>());
    match texts.and_then(|texts| texts.0.get(&float.to_bits())) {
        Some(Text::One(text)) => text.clone(),
        // The digits of a float that nothing came as: `3` rather than `3.0`.
        Some(Text::Several) | None => float.to_string(),
    }
}

/// A list or an object as JSON, each number in it as [`number_text`] writes it.
pub(super) fn json_text(state: &State<'_, '_>, value: &minijinja::Value) -> Result<String, Error> {
    let quoted = |value: &minijinja::Value| serde_json::to_string(value).unwrap_or_default();
    let kind = value.kind();
    if kind == ValueKind::Number {
        return Ok(number_text(state, value));
    }
    if matches!(kind, ValueKind::Seq | ValueKind::Iterable) {
        let items: Result<Vec<_>, _> = value.try_iter()?.map(|item| json_text(state, &item)).collect();
        return Ok(format!("[{}]", items?.join(",")));
    }
    if kind == ValueKind::Map {
        let pair = |name: minijinja::Value| {
            let text = json_text(state, &value.get_item(&name)?)?;
            Ok(format!("{}:{text}", quoted(&name)))
        };
        let pairs: Result<Vec<_>, Error> = value.try_iter()?.map(pair).collect();
        return Ok(format!("{{{}}}", pairs?.join(",")));
    }
    Ok(quoted(value))
}

/// A float without a fraction as one of the engine's whole numbers, of which `3` is printed and not `3.00`.
pub(super) fn whole(value: &minijinja::Value) -> Option<minijinja::Value> {
    let float = f64::try_from(value.clone()).ok().filter(|_| !value.is_integer())?;
    float.to_string().parse::<i128>().ok().map(minijinja::Value::from)
}

/// The float of a number that is none of the engine's whole numbers, and its text.
fn float_of(value: &Value) -> Option<(f64, String)> {
    if let Value::Number(number) = value {
        let float = number.as_f64().filter(|_| number.is_f64())?;
        return Some((float, float.to_string()));
    }
    let text = number::text_of(value)?;
    Some((text.parse().ok()?, number::plain(text).into_owned()))
}
