//! What the adapters of a source make. In: configuration. Out: event types and fields; what an operator should know of them.
//!
//! Never: a template that uses a name its adapter does not have.

use serde_json::{Map, Value};

use super::{kind::Adapter, payload::text_of};
use crate::{
    template::{Given, Template, TemplateError},
    workflow::Workflow,
};

/// The fields that every adapter fills without configuration: what is wrong, how bad, where, how many alerts, and how many
/// more there are that the tool did not send.
pub const FIELDS: [&str; 5] = ["title", "severity", "service", "count", "truncated"];

/// For what one event stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Per {
    /// All alerts of a notification.
    #[default]
    Group,
    /// One alert.
    Alert,
}

/// One field of the event, as a template over what the tool sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterField {
    /// Its name in `data`.
    pub name: String,
    template: Template,
}

impl AdapterField {
    /// Compiles a field.
    ///
    /// # Errors
    /// Every mistake of the template, by line.
    pub fn compile(adapter: Adapter, name: &str, source: &str) -> Result<Self, Vec<TemplateError>> {
        Ok(Self { name: name.to_owned(), template: Template::compile_within(source, adapter.names())? })
    }

    /// Its value; `None` where it is empty or cannot be rendered, and then what is usual counts.
    pub(super) fn of(&self, view: &Map<String, Value>) -> Option<Value> {
        let (text, _) = self.template.render(view, &Given::default()).ok()?;
        text_of(Some(&Value::String(text))).map(Value::String)
    }
}

/// What one adapter of a source makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterSettings {
    /// The type of events that say that something is wrong.
    pub opens: String,
    /// The type of events that say that it is over.
    pub resolves: String,
    /// For what one event stands; of adapters whose notifications hold several alerts.
    pub per: Per,
    /// Fields beside the usual ones, or in their place.
    pub fields: Vec<AdapterField>,
}

impl Default for AdapterSettings {
    fn default() -> Self {
        Self {
            opens: "incident.created".to_owned(),
            resolves: "incident.resolved".to_owned(),
            per: Per::Group,
            fields: Vec::new(),
        }
    }
}

/// The adapters of a source that are configured. The others make what is usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adapters(pub Vec<(Adapter, AdapterSettings)>);

impl Adapters {
    /// What an adapter makes.
    pub fn settings(&self, adapter: Adapter) -> AdapterSettings {
        let configured = self.0.iter().find(|(configured, _)| *configured == adapter);
        configured.map(|(_, settings)| settings.clone()).unwrap_or_default()
    }

    /// What an operator should know of the configured adapters of a source, given all workflows.
    pub fn warnings(&self, source: &str, workflows: &[Workflow]) -> Vec<String> {
        let mut warnings = Vec::new();
        for (adapter, settings) in &self.0 {
            let place = format!("source {source:?}, [source.{}]", adapter.name());
            let opens = &settings.opens;
            let taking: Vec<&Workflow> =
                workflows.iter().filter(|workflow| workflow.definition.event == *opens).collect();
            if taking.is_empty() {
                warnings.push(format!(
                    "{place}: no workflow takes events of type {opens:?}; what comes in is refused"
                ));
                continue;
            }
            for field in &settings.fields {
                if !taking.iter().any(|workflow| workflow.schema.declares(&[&field.name])) {
                    let name = &field.name;
                    warnings.push(format!(
                        "{place}: no workflow of {opens:?} declares the field {name:?}; it is left out"
                    ));
                }
            }
            for workflow in taking {
                if workflow.definition.resolved_by.as_ref() != Some(&settings.resolves) {
                    let (workflow, resolves) = (workflow.name(), &settings.resolves);
                    warnings.push(format!(
                        "{place}: workflow {workflow} is not resolved by {resolves:?}, so its runs go on when the tool says \
                         that it is over"
                    ));
                }
                let is_filled = |name: &&str| {
                    FIELDS.contains(name) || settings.fields.iter().any(|field| field.name == *name)
                };
                let lacking = workflow.schema.fields().filter(|name| !is_filled(name));
                for name in lacking.filter(|name| !workflow.schema.may_be_absent(&[name])) {
                    let workflow = workflow.name();
                    warnings.push(format!(
                        "{place}: workflow {workflow} requires the field {name:?}, which nothing fills; a text is \
                         written as \"unknown\", anything else is refused. Give it in [source.{}.fields]",
                        adapter.name()
                    ));
                }
            }
        }
        warnings
    }
}
