//! What an event of a principal would do, and which events it may send. In: a principal, and an event. Out: texts that
//! would be sent, with masked numbers; types with their fields.
//!
//! Never: stores or sends anything, or shows a code by which a run could be acknowledged.

use domain::{
    acceptance::NotAccepted,
    agent::AgentRefusal,
    approval::CODE_SHOWN,
    event::Event,
    id::RunId,
    message::Message,
    run::{Run, RunPhase},
    time::after_s,
    timeline::TimelineEvent,
    workflow::{Category, Stage, Target, Workflow},
};
use jiff::Timestamp;
use runtime::{Precedent, RoleError};
use serde_json::Value;

use crate::{control::Control, principal::Principal};

/// A type of events that a principal may send.
#[derive(Debug, Clone, PartialEq)]
pub struct EventType {
    /// The type.
    pub kind: String,
    /// The workflow that it opens a run of, or ends runs of.
    pub workflow: String,
    /// Whether it ends runs instead of opening one.
    pub resolves: bool,
    /// JSON Schema of its fields.
    pub schema: Value,
    /// What its texts are for.
    pub category: Category,
    /// How far the workflow has been rolled out.
    pub stage: Stage,
    /// Whom each step texts, as configured.
    pub steps: Vec<Vec<Target>>,
    /// Within how many seconds the first step wants a receipt.
    pub deliver_within_s: Option<u32>,
    /// Within how many seconds it wants an acknowledgement.
    pub ack_within_s: Option<u32>,
    /// Why an agent may not send it on its own.
    pub agent: Option<AgentRefusal>,
}

/// What an event would do through one workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPreview {
    /// The workflow.
    pub workflow: String,
    /// The run that it would open.
    pub run: RunId,
    /// What came before under its id.
    pub precedent: Precedent,
    /// Why an agent may not send it on its own.
    pub agent: Option<AgentRefusal>,
    /// Until when it would wait before it texts anybody: for the end of a silence, or a delay.
    pub waits_until: Option<Timestamp>,
    /// Where the run would stand at once, such as [`RunPhase::Expired`] for an event that is too old.
    pub phase: RunPhase,
    /// The texts of the first step.
    pub texts: Vec<TextPreview>,
    /// How many targets lead to nobody.
    pub unresolved: usize,
}

/// One text that would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPreview {
    /// How its recipient was chosen.
    pub target: String,
    /// The recipient's number, masked.
    pub to: String,
    /// The text, without the code that acknowledges it.
    pub text: Option<String>,
    /// SMS parts.
    pub segments: u8,
    /// Where it would stand: `queued`, or what a rule makes of it.
    pub status: &'static str,
    /// The rule that decided.
    pub rule: Option<&'static str>,
}

impl Control {
    /// The types of events that a principal may send, by type and workflow.
    pub fn event_types(&self, principal: &Principal) -> Vec<EventType> {
        let workflows = self.ports.runs.workflows();
        let source = principal.as_source();
        let seen = workflows.workflows().filter(|one| self.sees(principal, Some(one.name()), None));
        let mut types: Vec<EventType> = seen.flat_map(|workflow| self.types_of(workflow)).collect();
        types.retain(|one| source.may_send(&one.kind));
        types.sort_by(|one, other| (&one.kind, &one.workflow).cmp(&(&other.kind, &other.workflow)));
        types
    }

    fn types_of(&self, workflow: &Workflow) -> Vec<EventType> {
        let definition = &workflow.definition;
        let opens = EventType {
            kind: definition.event.clone(),
            workflow: workflow.name().to_owned(),
            resolves: false,
            schema: definition.schema.clone(),
            category: definition.category,
            stage: definition.stage.clone(),
            steps: definition.steps.iter().map(|step| step.notify.clone()).collect(),
            deliver_within_s: definition.steps.first().and_then(|step| step.deliver_within_s()),
            ack_within_s: definition.steps.first().and_then(|step| step.ack_within_s),
            agent: self.agent_may_open(workflow).err(),
        };
        let ends = definition.resolved_by.iter().map(|kind| EventType {
            kind: kind.clone(),
            resolves: true,
            agent: (!definition.shared_subjects.is_empty()).then_some(AgentRefusal::ResolvesOthers),
            ..opens.clone()
        });
        let ends: Vec<_> = ends.collect();
        std::iter::once(opens).chain(ends).collect()
    }

    /// Whether an event with this id came before.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn knows(&self, event: &Event) -> Result<bool, NotAccepted> {
        let known = self.ports.acceptance.is_known(event).await;
        known.map_err(|error| NotAccepted::NotStored(error.to_string()))
    }

    /// What an event would do, for each workflow that it opens a run of; none for one that only resolves.
    ///
    /// # Errors
    /// When the event is wrong or not the principal's to send, or the store cannot be asked.
    pub async fn preview(
        &self,
        principal: &Principal,
        event: &Event,
    ) -> Result<Vec<EventPreview>, NotAccepted> {
        let events = std::slice::from_ref(event);
        let source = self.source_for(principal, events)?;
        self.ports.acceptance.check(&source, events, false)?;
        let not_stored = |error: RoleError| NotAccepted::NotStored(error.to_string());
        let precedent = self.ports.runs.precedent(event).await.map_err(not_stored)?;
        let workflows = self.ports.runs.workflows();
        let mut previews = Vec::new();
        for workflow in workflows.routes(&event.kind, &source.name).opens {
            let (run, timeline) = self.ports.runs.preview(event, workflow).await.map_err(not_stored)?;
            let unresolved = timeline.iter().map(|entry| {
                let TimelineEvent::StepStarted { unresolved, .. } = &entry.what else { return 0 };
                unresolved.len()
            });
            let rule_of = |message: &Message| {
                let of_message =
                    timeline.iter().rev().filter(|entry| entry.message == Some(message.number()));
                let mut rules = of_message.filter_map(|entry| {
                    let TimelineEvent::Decided(decision) = &entry.what else { return None };
                    Some(decision.rule.id())
                });
                rules.next()
            };
            previews.push(EventPreview {
                workflow: workflow.name().to_owned(),
                run: run.id().clone(),
                precedent,
                agent: self.agent_may_open(workflow).err(),
                phase: run.phase(),
                waits_until: run.next().map(|next| next.at),
                unresolved: unresolved.sum(),
                texts: run.messages().iter().map(|message| shown(message, rule_of(message))).collect(),
            });
        }
        Ok(previews)
    }
}

impl Control {
    /// The runs that an event of a principal would end now; none for one that ends none.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn would_resolve(
        &self,
        principal: &Principal,
        event: &Event,
    ) -> Result<Vec<RunId>, NotAccepted> {
        let Some(subject) = &event.subject else { return Ok(Vec::new()) };
        let (source, workflows) = (principal.as_source().name, self.ports.runs.workflows());
        let at = event.happened_at(self.ports.runs.now());
        let mut runs = Vec::new();
        for workflow in workflows.routes(&event.kind, &source).resolves {
            let open = self.ports.runs.open_runs(workflow, &source, subject).await;
            let open = open.map_err(|error| NotAccepted::NotStored(error.to_string()))?;
            // What opened a run after that is not ended by it.
            let not_after_s = i64::from(workflow.definition.not_after_s);
            let is_meant = |run: &Run| after_s(run.not_after(), -not_after_s) <= at;
            runs.extend(open.iter().filter(|run| is_meant(run)).map(|run| run.id().clone()));
        }
        Ok(runs)
    }
}

pub(crate) fn shown(message: &Message, rule: Option<&'static str>) -> TextPreview {
    let text = message.shown_text().map(|text| match message.ack() {
        Some(code) => text.replace(&code.to_string(), CODE_SHOWN),
        None => text,
    });
    TextPreview {
        target: message.recipient().target.to_string(),
        to: message.recipient().number.masked(),
        text,
        segments: message.segments(),
        status: message.phase().name(),
        rule,
    }
}
