//! Workflows: what one kind of event asks for. A definition is data; compiled, it is a [`Workflow`].
//!
//! In: definitions from configuration or, by content hash, from the store. Out: what runs are decided with.
//! Never: changes under a run: a run keeps the hash of the definition it was opened with.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    content::LinkPolicy,
    doubt::DoubtSchedule,
    field_path::number_at,
    id::digest,
    limits::{DELIVER_WITHIN_S_DEFAULT, NOT_AFTER_S_DEFAULT},
    phone::E164,
    poll::PollSchedule,
    quiet_hours::QuietHours,
    retry::RetryPolicy,
    schema::{FieldError, FieldSchema},
    template::{Template, TemplateError},
};

/// Which queue work waits in. Lanes are separate queues, never message priorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Pages. Never waits behind the others.
    Critical,
    /// What somebody expects soon.
    #[default]
    Standard,
    /// Everything that can wait.
    Bulk,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Standard, Self::Bulk];

    /// The lane below; the lowest is below itself.
    pub fn below(self) -> Self {
        match self {
            Self::Critical => Self::Standard,
            Self::Standard | Self::Bulk => Self::Bulk,
        }
    }

    /// The lane's name in queues, logs and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Standard => "standard",
            Self::Bulk => "bulk",
        }
    }
}

/// What kind of consent a text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// To our own people about their duty. Needs no recorded grant.
    Operational,
    /// About something the recipient asked for: an invoice, an appointment. Needs no recorded grant.
    #[default]
    Transactional,
    /// Everything else. Needs a recorded grant.
    Marketing,
}

impl Category {
    /// The category's name in configuration and decisions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Transactional => "transactional",
            Self::Marketing => "marketing",
        }
    }
}

/// How far a workflow has been rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Decide and log, send nothing.
    #[default]
    Shadow,
    /// Send to some.
    Canary {
        /// Who always gets it.
        recipients: Vec<E164>,
        /// How many of the others, 0 to 100, chosen by a stable hash of the number.
        percent: u8,
    },
    /// Send.
    Live,
}

/// What to do with a text whose fate stayed unknown after every question was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDoubt {
    /// Send again: a doubled page is better than none.
    Resend,
    /// Leave it to an operator. Stored as `hold`.
    #[default]
    #[serde(rename = "hold", alias = "review")]
    Review,
}

/// Whom a step notifies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The person on call: `oncall:SCHEDULE` or `oncall:SCHEDULE/LAYER`.
    OnCall {
        /// The schedule's name.
        schedule: String,
        /// The layer within it; `primary` unless named.
        layer: String,
    },
    /// A person of the contacts: `contact:NAME`.
    Contact(String),
    /// The number in a field of the event: `field:PATH`, dots between names.
    Field(String),
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            _ if name.is_empty() => {
                Err(format!("expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH, not {text:?}"))
            }
            "oncall" => {
                let (schedule, layer) = name.split_once('/').unwrap_or((name, "primary"));
                Ok(Self::OnCall { schedule: schedule.to_owned(), layer: layer.to_owned() })
            }
            "contact" => Ok(Self::Contact(name.to_owned())),
            "field" => Ok(Self::Field(name.to_owned())),
            _ => Err(format!(
                "unknown target {kind:?}: expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH"
            )),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OnCall { schedule, layer } if layer == "primary" => write!(f, "oncall:{schedule}"),
            Self::OnCall { schedule, layer } => write!(f, "oncall:{schedule}/{layer}"),
            Self::Contact(name) => write!(f, "contact:{name}"),
            Self::Field(path) => write!(f, "field:{path}"),
        }
    }
}

/// One rung of the escalation policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whom to notify, all at once.
    pub notify: Vec<Target>,
    /// A receipt must come within this many seconds.
    pub deliver_within_s: Option<u32>,
    /// Somebody must acknowledge within this many seconds.
    pub ack_within_s: Option<u32>,
}

impl Step {
    /// The delivery deadline that applies, in seconds. A step that waits for nothing else waits for a receipt.
    pub fn deliver_within_s(&self) -> Option<u32> {
        match (self.deliver_within_s, self.ack_within_s) {
            (None, None) => Some(DELIVER_WITHIN_S_DEFAULT),
            (deliver, _) => deliver,
        }
    }
}

/// A workflow as configured and as stored under its content hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowDefinition {
    /// Unique within the configuration.
    pub name: String,
    /// The event type that opens a run.
    pub event: String,
    /// The event type that ends it, for the same subject.
    pub resolved_by: Option<String>,
    /// Sources that mean the same thing by the same subject, so that one may resolve what another opened; `*` for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_subjects: Vec<String>,
    /// Which queue its work waits in.
    pub lane: Lane,
    /// What consent its texts need.
    pub category: Category,
    /// How far it has been rolled out.
    pub stage: Stage,
    /// What to do with texts whose fate stayed unknown.
    pub on_doubt: OnDoubt,
    /// When the provider is asked about texts in doubt.
    #[serde(default)]
    pub doubt_ask_after: DoubtSchedule,
    /// When the provider is asked for statuses that no callback brought.
    #[serde(default)]
    pub poll_after: PollSchedule,
    /// The text.
    pub template: String,
    /// The most segments a text may take, 1 to 10.
    pub max_segments: u8,
    /// Hosts that links in the text may point to.
    pub link_hosts: Vec<String>,
    /// What becomes of a link to another host.
    #[serde(default, skip_serializing_if = "LinkPolicy::is_default")]
    pub links: LinkPolicy,
    /// Pictures sent along; makes an MMS.
    pub media_urls: Vec<url::Url>,
    /// JSON Schema of the event's data.
    pub schema: Value,
    /// How old an event may be, in seconds.
    pub not_after_s: u32,
    /// When texts wait.
    pub quiet_hours: Option<QuietHours>,
    /// The field of the event that names the recipient's time zone, for `field:` targets.
    pub time_zone_field: Option<String>,
    /// How refused sends are repeated.
    pub retry: RetryPolicy,
    /// Most texts that one phone gets through this workflow in an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_hourly_max: Option<u32>,
    /// The rungs, first to last.
    pub steps: Vec<Step>,
    /// The ticket queue that hears of a run whose steps are used up.
    pub exhausted_ticket: Option<String>,
}

impl WorkflowDefinition {
    /// A definition with the defaults of everything but the essentials.
    pub fn new(name: &str, event: &str, template: &str, schema: Value, steps: Vec<Step>) -> Self {
        Self {
            name: name.to_owned(),
            event: event.to_owned(),
            resolved_by: None,
            shared_subjects: Vec::new(),
            lane: Lane::default(),
            category: Category::default(),
            stage: Stage::default(),
            on_doubt: OnDoubt::default(),
            doubt_ask_after: DoubtSchedule::default(),
            poll_after: PollSchedule::default(),
            template: template.to_owned(),
            max_segments: 1,
            link_hosts: Vec::new(),
            links: LinkPolicy::default(),
            media_urls: Vec::new(),
            schema,
            not_after_s: NOT_AFTER_S_DEFAULT,
            quiet_hours: None,
            time_zone_field: None,
            retry: RetryPolicy::default(),
            recipient_hourly_max: None,
            steps,
            exhausted_ticket: None,
        }
    }

    /// Whether a resolving event of `by` may end a run that an event of `source` opened.
    pub fn resolves_across(&self, source: &str, by: &str) -> bool {
        source == by || self.shares_subjects(source) && self.shares_subjects(by)
    }

    /// The name under which a resolution is found by runs of its subject that come late.
    pub fn resolution_marker(&self, source: &str, subject: &str) -> String {
        if self.shares_subjects(source) { subject.to_owned() } else { format!("{subject}\u{1f}{source}") }
    }

    fn shares_subjects(&self, source: &str) -> bool {
        self.shared_subjects.iter().any(|shared| shared == source || shared == "*")
    }

    /// Whether any step waits for an acknowledgement.
    pub fn wants_acknowledgement(&self) -> bool {
        self.steps.iter().any(|step| step.ack_within_s.is_some())
    }
}

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
        Ok(Self { definition: Arc::new(definition), schema, template, hash })
    }

    /// What is wrong with the fields that name recipients: an event that reaches nobody is refused where somebody hears
    /// of it.
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

    /// Whether somebody else hears of it when a step does not do: a further step, or a ticket.
    pub fn leads_on_from(&self, index: u8) -> bool {
        self.step(index.saturating_add(1)).is_some() || self.definition.exhausted_ticket.is_some()
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
            deliver_within_s: None,
            ack_within_s: None,
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

    #[test]
    fn a_target_is_written_as_it_is_read() {
        for text in ["oncall:platform", "oncall:platform/secondary", "contact:ada", "field:customer.phone"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!("oncall:platform/primary".parse::<Target>().unwrap().to_string(), "oncall:platform");
        for (text, complaint) in [
            ("contact:", "expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH, not \"contact:\""),
            ("ada", "expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH, not \"ada\""),
            (
                "team:ada",
                "unknown target \"team\": expected oncall:SCHEDULE[/LAYER], contact:NAME or field:PATH",
            ),
        ] {
            assert_eq!(text.parse::<Target>().unwrap_err(), complaint);
        }
    }
}
