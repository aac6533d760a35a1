//! The template of a text. In: its source and the schema of the fields it may use, then fields. Out: the text.
//!
//! Never: loads another template, calls a function, or reads a field's value as a template. What it may use is
//! checked when the configuration is read, so that a typo stops the start and not a page at night.

mod filter;
mod grammar;
mod number_texts;
mod scan;

use std::{fmt, sync::Arc};

use minijinja::{
    Environment, ErrorKind, UndefinedBehavior, escape_formatter, filters, tests as checks, value::ValueKind,
};
use serde_json::{Map, Value};

pub use grammar::TemplateError;
pub(crate) use grammar::is_name;
use number_texts::{NumberTexts, number_text};

use crate::{ack_code::AckCode, schema::FieldSchema};

/// Names that are not fields: the code to reply with, the link that acknowledges, the recipient's name, the number of the
/// step.
const BUILT_IN: [&str; 4] = ["ack", "ack_url", "recipient", "step"];
/// Most instructions of one rendering; a text takes about fifty.
const FUEL: u64 = 50_000;
/// Most nested loops.
const NESTING_MAX: usize = 16;
/// The name under which the engine holds the one template.
const NAME: &str = "text";

/// Whether a field of this name can be used in the template of a text.
pub fn is_field_name(name: &str) -> bool {
    is_name(name) && !name.starts_with(|c: char| c.is_ascii_digit()) && !BUILT_IN.contains(&name)
}

/// Why a template could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template failed at line {line}: {message}")]
pub struct RenderError {
    /// The line within the template, from 1.
    pub line: u32,
    /// What failed, without a value.
    pub message: String,
}

/// What a template may use beside the fields of an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// The code to reply with.
    pub ack: Option<&'a AckCode>,
    /// The link that acknowledges.
    pub ack_url: Option<&'a str>,
    /// The recipient's name.
    pub recipient: &'a str,
    /// The number of the step.
    pub step: u8,
}

impl<'a> Given<'a> {
    /// Anything, to see whether a template can be rendered.
    pub fn sample(ack: Option<&'a AckCode>) -> Self {
        Self { ack, ack_url: ack.map(|_| "https://x.example/a"), recipient: "x", step: 1 }
    }
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
    uses_link: bool,
}

impl Template {
    /// Compiles a template of the Jinja language.
    ///
    /// It may use declared fields, `ack`, `ack_url`, `recipient` and `step`; `if` and `for`; the filters upper, lower, trim,
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
        let mut read = ReadTemplate::new(source)?;
        let uses = |name: &str| read.compiled.fields.iter().any(|used| used == name);
        let (uses_ack, uses_link) = (uses("ack"), uses("ack_url"));
        read.compiled.uses_link = uses_link;
        read.compiled.fields.retain(|name| !BUILT_IN.contains(&name.as_str()));
        for name in read.compiled.fields.clone() {
            if !schema.declares(&name.split('.').collect::<Vec<_>>()) {
                read.refuse(&name, "is neither a declared field nor ack, ack_url, recipient or step");
            }
        }
        for name in BUILT_IN.into_iter().filter(|name| schema.declares(&[name])) {
            let line = read.line_of(name);
            let message =
                format!("the schema declares a field `{name}`, and a template means something else by it");
            read.errors.push(TemplateError { line, message });
        }
        if (uses_ack || uses_link) && !ack_expected {
            let name = if uses_ack { "ack" } else { "ack_url" };
            read.refuse(name, "is used, but no step has ack_within");
        } else if !uses_ack && ack_expected {
            let message = "a step has ack_within, but the text has no {{ ack }} to reply with".into();
            read.errors.push(TemplateError { line: 1, message });
        }
        read.finish()
    }

    /// Compiles a template that may use these names and no others.
    ///
    /// # Errors
    /// As [`Template::compile`].
    pub fn compile_with(source: &str, names: &[&str]) -> Result<Self, Vec<TemplateError>> {
        let mut read = ReadTemplate::new(source)?;
        let known = names.join(", ");
        for name in read.compiled.fields.clone().iter().filter(|name| !names.contains(&name.as_str())) {
            read.refuse(name, &format!("is not known here; there are {known}"));
        }
        read.finish()
    }

    /// Compiles a template that may use these names and whatever is below them, and no others.
    ///
    /// # Errors
    /// As [`Template::compile`].
    pub fn compile_within(source: &str, roots: &[&str]) -> Result<Self, Vec<TemplateError>> {
        let mut read = ReadTemplate::new(source)?;
        let known = roots.join(", ");
        let is_known = |name: &str| roots.contains(&name.split('.').next().unwrap_or_default());
        for name in read.compiled.fields.clone().iter().filter(|name| !is_known(name)) {
            read.refuse(name, &format!("is not known here; there are {known}"));
        }
        read.finish()
    }

    /// The text for one recipient at one step, and the fields that it lacks: they are written as nothing. Fields that are
    /// `null` count as absent.
    ///
    /// # Errors
    /// [`RenderError`] when a field is of a kind that cannot be written.
    pub fn render(
        &self,
        fields: &Map<String, Value>,
        given: &Given<'_>,
    ) -> Result<(String, Vec<String>), RenderError> {
        let context = context(fields, given);
        match render(&self.0.environment, &context) {
            Ok(text) => Ok((text, Vec::new())),
            Err(error) if error.kind() == ErrorKind::UndefinedError => {
                let text = render(&self.0.lenient, &context).map_err(|error| render_error(&error))?;
                Ok((text, self.absent(fields)))
            }
            Err(error) => Err(render_error(&error)),
        }
    }

    /// Whether the template can be rendered with every filter doing what it is for.
    ///
    /// # Errors
    /// [`RenderError`] also where [`Template::render`] would write a value as it is, such as `round` of a text.
    pub fn check(&self, fields: &Map<String, Value>, ack: Option<&AckCode>) -> Result<(), RenderError> {
        let strict = minijinja::Value::from_pairs([(filter::STRICT, true)]);
        let context = minijinja::value::merge_maps([strict, context(fields, &Given::sample(ack))]);
        render(&self.0.lenient, &context).map(drop).map_err(|error| render_error(&error))
    }

    /// Whether the text holds the link that acknowledges.
    pub fn uses_link(&self) -> bool {
        self.0.uses_link
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

/// What a template is rendered with.
fn context(fields: &Map<String, Value>, given: &Given<'_>) -> minijinja::Value {
    let Given { ack, ack_url, recipient, step } = *given;
    let texts = NumberTexts::of(fields);
    let given = fields.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
    let given = given.filter_map(|(name, value)| Some((name.as_str(), texts.engine_value(value)?)));
    let given: Vec<_> = given.collect();
    let built_in = [("recipient", recipient.into()), ("step", step.into())];
    let ack = ack.map(|code| ("ack", code.as_str().into()));
    let ack_url = ack_url.map(|url| ("ack_url", url.into()));
    let texts = [(NumberTexts::NAME, minijinja::Value::from_object(texts))];
    minijinja::Value::from_pairs(given.into_iter().chain(built_in).chain(ack).chain(ack_url).chain(texts))
}

fn render(
    environment: &Environment<'static>,
    context: &minijinja::Value,
) -> Result<String, minijinja::Error> {
    environment.get_template(NAME)?.render(context)
}

/// A template whose syntax is right, and what is wrong with the names that it uses.
struct ReadTemplate {
    compiled: Compiled,
    /// Every dotted name with its line, in order.
    names: Vec<(String, u32)>,
    errors: Vec<TemplateError>,
}

impl ReadTemplate {
    /// Reads a source; its `fields` are all the names that are not its own.
    fn new(source: &str) -> Result<Self, Vec<TemplateError>> {
        let environment_of = |undefined| {
            let mut environment = environment();
            environment.set_undefined_behavior(undefined);
            let added = environment.add_template_owned(NAME, source.to_owned());
            added.map(|()| environment).map_err(|error| vec![syntax_error(&error)])
        };
        let environment = environment_of(UndefinedBehavior::SemiStrict)?;
        let lenient = environment_of(UndefinedBehavior::Chainable)?;
        let scan::Scan { names, errors } = scan::scan(source);
        let mut fields: Vec<String> = match environment.get_template(NAME) {
            Ok(template) => template.undeclared_variables(true).into_iter().collect(),
            Err(error) => return Err(vec![syntax_error(&error)]),
        };
        fields.sort();
        Ok(Self {
            compiled: Compiled { environment, lenient, source: source.into(), fields, uses_link: false },
            names,
            errors,
        })
    }

    fn line_of(&self, name: &str) -> u32 {
        let found = self.names.iter().find(|(seen, _)| seen == name);
        found
            .or_else(|| self.names.iter().find(|(seen, _)| seen.starts_with(name)))
            .map_or(1, |(_, line)| *line)
    }

    fn refuse(&mut self, name: &str, why: &str) {
        let line = self.line_of(name);
        self.errors.push(TemplateError { line, message: format!("`{name}` {why}") });
    }

    fn finish(mut self) -> Result<Template, Vec<TemplateError>> {
        self.errors.sort();
        if self.errors.is_empty() { Ok(Template(Arc::new(self.compiled))) } else { Err(self.errors) }
    }
}

/// Says what failed without the engine's own words, which can contain a value.
fn render_error(error: &minijinja::Error) -> RenderError {
    RenderError { line: line(error), message: error.kind().to_string() }
}

/// Two templates of one source are one; who may use which names is checked before there is a template.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Template {}

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
    environment.add_filter("round", filter::round);
    environment.add_filter("int", filter::int);
    environment.add_filter("default", filters::default);
    environment.add_filter("join", filter::join);
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
        // Null within a list; elsewhere it counts as absent.
        if kind == ValueKind::None {
            return Ok(());
        }
        if matches!(kind, ValueKind::String | ValueKind::Undefined) {
            escape_formatter(out, state, value)
        } else {
            out.write_str(&number_texts::json_text(state, value)?).map_err(minijinja::Error::from)
        }
    });
    environment
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
