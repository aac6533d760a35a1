//! Workflows: what one kind of event asks for. A definition is data; compiled, it is a [`Workflow`].
//!
//! In: definitions from configuration or, by content hash, from the store. Out: what runs are decided with.
//! Never: changes under a run: a run keeps the hash of the definition it was opened with.

mod definition;
mod grouping;
mod lane;
mod reach;
mod step;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use definition::{ACK_EXPIRED_TEXT, Category, OnDoubt, Stage, WorkflowDefinition};
pub use grouping::{AtOnce, Flapping, Grouping};
pub use lane::Lane;
pub use reach::Reach;
pub use step::{AcknowledgedBy, Step, Target};

use crate::{
    field_path::number_at,
    id::digest,
    schema::{FieldError, FieldSchema},
    template::{Template, TemplateError},
};

/// A definition, compiled. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// The definition it was compiled from.
    pub definition: Arc<WorkflowDefinition>,
    /// What the event's data must look like.
    pub schema: FieldSchema,
    /// The text.
    pub template: Template,
    /// The definition's content hash: 16 hex digits.
    pub hash: Arc<str>,
    /// Whose it is, as the configuration in force says; no part of the definition, which runs keep.
    pub team: Option<Arc<str>>,
}

/// Why a definition does not compile.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WorkflowError {
    /// The schema is not usable.
    #[error("schema: {0}")]
    Schema(String),
    /// The template is not usable.
    #[error("template line {}: {}", .0.line, .0.message)]
    Template(TemplateError),
}

impl Workflow {
    /// Compiles a definition.
    ///
    /// # Errors
    /// Everything that is wrong with its schema and its template.
    pub fn compile(definition: WorkflowDefinition) -> Result<Self, Vec<WorkflowError>> {
        let schema = FieldSchema::compile(&definition.schema)
            .map_err(|error| vec![WorkflowError::Schema(error.to_string())])?;
        let template =
            Template::compile(&definition.template, &schema, definition.wants_acknowledgement())
                .map_err(|errors| errors.into_iter().map(WorkflowError::Template).collect::<Vec<_>>())?;
        // Strings, numbers and maps with string keys always serialise.
        let json = serde_json::to_string(&definition).unwrap_or_default();
        let hash = digest(&[&json])[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        Ok(Self { definition: Arc::new(definition), schema, template, hash, team: None })
    }

    /// What is wrong with the fields that name recipients. An event without a usable recipient is refused when it comes
    /// in, so that its sender learns of it.
    pub fn check_recipients(&self, data: &Map<String, Value>) -> Vec<FieldError> {
        let targets = self.definition.steps.iter().flat_map(|step| &step.notify);
        let mut errors: Vec<FieldError> = targets
            .filter_map(|target| match target {
                Target::Field(path) => {
                    let error = number_at(data, path).err()?;
                    Some(FieldError::new(format!("/data/{}", path.replace('.', "/")), error))
                }
                Target::OnCall { .. } | Target::Contact(_) => None,
            })
            .collect();
        errors.dedup();
        errors
    }

    /// The definition's name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// Whether something follows a step that fails in this round of the steps, the first of which is 0: another step, or a
    /// ticket.
    pub fn leads_on_from(&self, index: u8, round: u8) -> bool {
        self.next_step(index, round).is_some() || self.definition.exhausted_ticket.is_some()
    }

    /// The step that follows another in a round of the steps, and its round.
    pub fn next_step(&self, index: u8, round: u8) -> Option<(u8, u8)> {
        let next = index.checked_add(1).filter(|next| self.step(*next).is_some());
        next.map(|next| (next, round)).or_else(|| (round < self.definition.repeat).then_some((0, round + 1)))
    }

    /// The step with this index, from 0.
    pub fn step(&self, index: u8) -> Option<&Step> {
        self.definition.steps.get(usize::from(index))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lanes_and_categories_have_the_names_that_are_stored() {
        for lane in Lane::ALL {
            assert_eq!(json!(lane), lane.as_str());
        }
        for category in [Category::Operational, Category::Transactional, Category::Marketing] {
            assert_eq!(json!(category), category.as_str());
        }
    }

    #[test]
    fn a_compiled_workflow_has_the_name_of_its_definition() {
        let schema = json!({"properties": {"title": {"type": "string"}}});
        let definition =
            WorkflowDefinition::new("paging", "incident.created", "{{ title }}", schema, Vec::new());
        assert_eq!(Workflow::compile(definition).unwrap().name(), "paging");
    }

    #[test]
    fn a13_a_field_that_holds_no_number_is_named_by_its_pointer() {
        let step = Step {
            notify: vec![Target::Field("customer.phone".into()), Target::Contact("ada".into())],
            ..Step::default()
        };
        let schema = json!({"properties": {"title": {"type": "string"}}});
        let definition = WorkflowDefinition::new("w", "e", "{{ title }}", schema, vec![step.clone(), step]);
        let workflow = Workflow::compile(definition).unwrap();
        let check = |phone: Value| {
            let data = json!({"customer": {"phone": phone}});
            let errors = workflow.check_recipients(data.as_object().unwrap());
            errors.into_iter().map(|error| error.pointer).collect::<Vec<_>>()
        };
        assert_eq!(check(json!("+14155550100")), [""; 0]);
        assert_eq!(check(json!("0155 12")), ["/data/customer/phone"]);
        assert_eq!(check(json!(7)), ["/data/customer/phone"]);
    }
}
