//! The template of a text. In: its source and the schema of the fields it may use, then fields. Out: the text.
//!
//! Never: loads another template, calls a function, or reads a field's value as a template. What it may use is
//! checked when the configuration is read, so that a typo stops the start and not a page at night.

mod grammar;
mod number_texts;
mod scan;

use std::{fmt, sync::Arc};

use minijinja::{
    Environment, ErrorKind, State, UndefinedBehavior, escape_formatter, filters, tests as checks,
    value::{Kwargs, StringInput, ValueKind},
};
use serde_json::{Map, Value};

pub use grammar::TemplateError;
use number_texts::{NumberTexts, number_text};

use crate::{ack_code::AckCode, schema::FieldSchema};

/// Names that are not fields: the code to reply with, the recipient's name, the number of the step.
const BUILT_IN: [&str; 3] = ["ack", "recipient", "step"];
/// Most instructions of one rendering; a text takes about fifty.
const FUEL: u64 = 50_000;
/// Most nested loops.
const NESTING_MAX: usize = 16;
/// The name under which the engine holds the one template.
const NAME: &str = "text";

/// Why a template could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template failed at line {line}: {message}")]
pub struct RenderError {
    /// The line within the template, from 1.
    pub line: u32,
    /// What failed, without a value.
    pub message: String,
}

/// A compiled template that uses declared fields alone. Cheap to clone.
#[derive(Clone)]
pub struct Template(Arc<Compiled>);

struct Compiled {
    /// Refuses to write what is absent, so that a text that lacks something says so. `if` may ask for it.
    environment: Environment<'static>,
    /// Writes nothing for what is absent.
    lenient: Environment<'static>,
    source: Box<str>,
    /// The dotted names of the fields it uses, sorted.
    fields: Vec<String>,
}

impl Template {
    /// Compiles a template of the Jinja language.
    ///
    /// It may use declared fields, `ack`, `recipient` and `step`; `if` and `for`; the filters upper, lower, trim,
    /// round, int, default and join; the tests `defined` and `undefined`. `ack_expected` says that some step waits
    /// for an acknowledgement: then `{{ ack }}` must occur, and otherwise must not. The attributes of a loop's
    /// variable are not checked against the schema.
    ///
    /// # Errors
    /// Every mistake, by line; a syntax error comes alone.
    pub fn compile(
        source: &str,
        schema: &FieldSchema,
        ack_expected: bool,
    ) -> Result<Self, Vec<TemplateError>> {
        let environment_of = |undefined| {
            let mut environment = environment();
            environment.set_undefined_behavior(undefined);
            let added = environment.add_template_owned(NAME, source.to_owned());
            added.map(|()| environment).map_err(|error| vec![syntax_error(&error)])
        };
        let environment = environment_of(UndefinedBehavior::SemiStrict)?;
        let lenient = environment_of(UndefinedBehavior::Chainable)?;
        let scan = scan::scan(source);
        let mut errors = scan.errors;
        let line_of = |name: &str| {
            let found = scan.names.iter().find(|(seen, _)| seen == name);
            found
                .or_else(|| scan.names.iter().find(|(seen, _)| seen.starts_with(name)))
                .map_or(1, |(_, line)| *line)
        };
        let mut fields: Vec<String> = match environment.get_template(NAME) {
            Ok(template) => template.undeclared_variables(true).into_iter().collect(),
            Err(error) => return Err(vec![syntax_error(&error)]),
        };
        fields.sort();
        let uses_ack = fields.iter().any(|name| name == "ack");
        fields.retain(|name| !BUILT_IN.contains(&name.as_str()));
        for name in &fields {
            if !schema.declares(&name.split('.').collect::<Vec<_>>()) {
                let message = format!("`{name}` is neither a declared field nor ack, recipient or step");
                errors.push(TemplateError { line: line_of(name), message });
            }
        }
        for name in BUILT_IN.into_iter().filter(|name| schema.declares(&[name])) {
            let message =
                format!("the schema declares a field `{name}`, and a template means something else by it");
            errors.push(TemplateError { line: line_of(name), message });
        }
        if uses_ack && !ack_expected {
            let message = "`ack` is used, but no step has ack_within".into();
            errors.push(TemplateError { line: line_of("ack"), message });
        } else if !uses_ack && ack_expected {
            let message = "a step has ack_within, but the text has no {{ ack }} to reply with".into();
            errors.push(TemplateError { line: 1, message });
        }
        errors.sort();
        let compiled = Compiled { environment, lenient, source: source.into(), fields };
        if errors.is_empty() { Ok(Self(Arc::new(compiled))) } else { Err(errors) }
    }

    /// The text for one recipient at one step, and the fields that it lacks: they are written as nothing. Fields that are
    /// `null` count as absent.
    ///
    /// # Errors
    /// [`RenderError`] when a field is of a kind that cannot be written.
    pub fn render(
        &self,
        fields: &Map<String, Value>,
        ack: Option<&AckCode>,
        recipient: &str,
        step: u8,
    ) -> Result<(String, Vec<String>), RenderError> {
        let texts = NumberTexts::of(fields);
        let given = fields.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
        let given = given.filter_map(|(name, value)| Some((name.as_str(), texts.engine_value(value)?)));
        let built_in = [("recipient", recipient.into()), ("step", step.into())];
        let ack = ack.map(|code| ("ack", code.as_str().into()));
        let given: Vec<_> = given.collect();
        let texts = [(NumberTexts::NAME, minijinja::Value::from_object(texts.clone()))];
        let context = minijinja::Value::from_pairs(given.into_iter().chain(built_in).chain(ack).chain(texts));
        let render = |environment: &Environment<'static>| {
            environment.get_template(NAME).and_then(|template| template.render(&context))
        };
        match render(&self.0.environment) {
            Ok(text) => Ok((text, Vec::new())),
            Err(error) if error.kind() == ErrorKind::UndefinedError => {
                let text = render(&self.0.lenient).map_err(|error| render_error(&error))?;
                Ok((text, self.absent(fields)))
            }
            Err(error) => Err(render_error(&error)),
        }
    }

    /// The dotted names of the fields that the template uses, sorted.
    pub fn fields(&self) -> &[String] {
        &self.0.fields
    }

    /// The fields that the template uses and the event does not have, by dotted name. They are written as nothing.
    fn absent(&self, fields: &Map<String, Value>) -> Vec<String> {
        let is_absent = |name: &&String| {
            let mut path = name.split('.');
            let first = path.next().and_then(|name| fields.get(name));
            path.fold(first, |value, name| value?.get(name)).is_none_or(Value::is_null)
        };
        self.0.fields.iter().filter(is_absent).cloned().collect()
    }
}

/// Says what failed without the engine's own words, which can contain a value.
fn render_error(error: &minijinja::Error) -> RenderError {
    RenderError { line: line(error), message: error.kind().to_string() }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.0.source).finish()
    }
}

/// An engine without anything but what is listed above.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(NESTING_MAX);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("round", round);
    environment.add_filter("int", int);
    environment.add_filter("default", filters::default);
    environment.add_filter("join", join);
    environment.add_test("defined", checks::is_defined);
    environment.add_test("undefined", checks::is_undefined);
    // A whole object or array in a text is a mistake, but what the page says beside it must not be lost.
    environment.set_formatter(|out, state, value| {
        let kind = value.kind();
        if kind == ValueKind::Number {
            return out.write_str(&number_text(state, value)).map_err(minijinja::Error::from);
        }
        if kind == ValueKind::Bool {
            let word = if value.is_true() { "true" } else { "false" };
            return out.write_str(word).map_err(minijinja::Error::from);
        }
        if matches!(kind, ValueKind::String | ValueKind::Undefined) {
            escape_formatter(out, state, value)
        } else {
            let json = serde_json::to_string(value).unwrap_or_default();
            out.write_str(&json).map_err(minijinja::Error::from)
        }
    });
    environment
}

/// The engine's `round`, of a value that may be absent: it stays absent, where the engine would refuse the whole text.
fn round(
    value: minijinja::Value,
    precision: Option<i32>,
    method: Option<&str>,
    named: Kwargs,
) -> Result<minijinja::Value, minijinja::Error> {
    if value.is_undefined() {
        return Ok(value);
    }
    let rounded = filters::round(value, precision, method, named)?;
    Ok(number_texts::whole(&rounded).unwrap_or(rounded))
}

/// The engine's `join`, of numbers as they came.
fn join(
    state: &mut State<'_, '_>,
    value: minijinja::Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    named: Kwargs,
) -> Result<minijinja::Value, minijinja::Error> {
    let is_list = matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    let value = if is_list {
        let text = |item: minijinja::Value| {
            if item.is_number() { number_text(state, &item).into() } else { item }
        };
        value.try_iter()?.map(text).collect()
    } else {
        value
    };
    filters::join(state, &value, joiner, attribute, named)
}

/// The engine's `int`, of a value that may be absent: without a default it stays so, and is not 0, which would read
/// as measured.
fn int(
    state: &State<'_, '_>,
    value: minijinja::Value,
    default: Option<minijinja::Value>,
    base: Option<u32>,
    named: Kwargs,
) -> Result<minijinja::Value, minijinja::Error> {
    if value.is_undefined() && default.is_none() && !named.has("default") {
        return Ok(value);
    }
    filters::int(state, &value, default, base, named)
}

/// Whether a template can write this name behind a dot. Other names are left out of nested objects, so that a loop
/// over an object writes nothing but names.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The source belongs to the configuration, so that the parser may quote it.
fn syntax_error(error: &minijinja::Error) -> TemplateError {
    let message = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    TemplateError { line: line(error), message }
}

fn line(error: &minijinja::Error) -> u32 {
    error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests;
