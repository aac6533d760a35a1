//! A workflow as configured and as stored. In: nothing. Out: the definition, with the choices that it may hold.
//!
//! Never: checks its schema or its template; compiling does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{grouping::Grouping, lane::Lane, step::Step};
use crate::{
    agent::AgentPolicy,
    content::LinkPolicy,
    doubt::DoubtSchedule,
    limits::NOT_AFTER_S_DEFAULT,
    originator::OriginatorName,
    phone::E164,
    poll::PollSchedule,
    quiet_hours::{AfterWait, QuietHours},
    retry::RetryPolicy,
};

/// What a text is for. Which categories take a recorded grant is configured: marketing alone, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// To our own people about their duty.
    Operational,
    /// About something the recipient asked for: an invoice, an appointment.
    #[default]
    Transactional,
    /// Everything else.
    Marketing,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operational, Self::Transactional, Self::Marketing];

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
    /// Every recipient gets the text.
    Live,
}

impl Stage {
    /// Its name, as configured.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Canary { .. } => "canary",
            Self::Live => "live",
        }
    }

    /// The name of the stage that comes next; `None` when it is live.
    pub fn next(&self) -> Option<&'static str> {
        match self {
            Self::Shadow => Some("canary"),
            Self::Canary { .. } => Some("live"),
            Self::Live => None,
        }
    }
}

/// What to do with a text of which it is still unknown, after the last question, whether it was sent.
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
    /// What to do with texts of which it stays unknown whether they were sent.
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
    /// The originator that texts come from whatever becomes of them; the one that is best without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_from: Option<OriginatorName>,
    /// Whether a reply such as `ok` acknowledges without the code, while no other run waits for its phone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare_word: bool,
    /// Whether those who were texted hear that the event is resolved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_clear: bool,
    /// What software agents may do with it.
    #[serde(default, skip_serializing_if = "AgentPolicy::is_default")]
    pub agents: AgentPolicy,
    /// Contacts whose reply to a text of its own decides on what agents ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Which texts to one recipient belong together; absent where each goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grouping: Option<Grouping>,
    /// The steps, first to last.
    pub steps: Vec<Step>,
    /// How often all steps are gone through again before they are used up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeat: u8,
    /// An acknowledged run that is not resolved within this many seconds pages again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_expires_s: Option<u32>,
    /// What the texts of such a run begin with; absent for [`ACK_EXPIRED_TEXT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_expired_text: Option<String>,
    /// The queue in which a ticket is opened when the steps are used up.
    pub exhausted_ticket: Option<String>,
    /// The queue in which one is opened when a text did not arrive and is not tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undeliverable_ticket: Option<String>,
    /// The queue in which one is opened when only a person can tell whether a text went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_review_ticket: Option<String>,
}

/// What a text begins with that comes because an acknowledgement has expired, unless the workflow has its own words.
pub const ACK_EXPIRED_TEXT: &str = "Still open: ";

fn is_zero(count: &u8) -> bool {
    *count == 0
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
            only_from: None,
            bare_word: false,
            all_clear: false,
            agents: AgentPolicy::default(),
            approvers: Vec::new(),
            grouping: None,
            steps,
            repeat: 0,
            ack_expires_s: None,
            ack_expired_text: None,
            exhausted_ticket: None,
            undeliverable_ticket: None,
            needs_review_ticket: None,
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

    /// Every queue in which a ticket may be opened.
    pub fn ticket_queues(&self) -> impl Iterator<Item = &str> {
        let ends = [&self.exhausted_ticket, &self.undeliverable_ticket, &self.needs_review_ticket];
        let steps = self.steps.iter().map(|step| &step.ticket);
        steps.chain(ends).filter_map(Option::as_deref)
    }

    /// What a text begins with that comes because an acknowledgement has expired.
    pub fn ack_expired_text(&self) -> &str {
        self.ack_expired_text.as_deref().unwrap_or(ACK_EXPIRED_TEXT)
    }

    /// Whether any of its texts may be held for a digest.
    pub fn gathers(&self) -> bool {
        self.grouping.is_some() || self.gathers_quiet()
    }

    /// Whether texts that wait for quiet hours to end are told of in one.
    pub fn gathers_quiet(&self) -> bool {
        self.quiet_hours.as_ref().is_some_and(|hours| hours.then == AfterWait::Digest)
    }

    /// Whether any step waits for an acknowledgement.
    pub fn wants_acknowledgement(&self) -> bool {
        self.steps.iter().any(|step| step.ack_within_s.is_some())
    }
}
