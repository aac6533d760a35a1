//! One event through one workflow: its steps, its end.
//!
//! In: a run, its workflow, what happened, and the time. Out: the changed run, and effects.
//! Never: leaves a run without a next due time unless it is closed and its messages are final.

mod audience;
mod context;
mod deadline;
mod end;
mod index;
mod replay;
mod reply;
mod step;
mod ticket;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::run_phase::RunPhase;
pub use audience::Recipients;
pub use context::StepContext;
pub use end::Erasable;
pub use index::RunIndex;
pub use replay::Replay;
pub use step::{Addressee, Audience, Dispatch, DispatchInput};

use crate::{
    effect::Ticket,
    event::{Event, EventKey},
    id::{MessageId, RunId},
    message::{Message, MessageContext, MessageEvent, ReviewVerdict},
    provider::ProviderMessageId,
    time::after_s,
    timeline::TimelineEvent,
    workflow::{Lane, Step, Workflow},
};

/// One event through one workflow, with all its messages: the unit that is changed by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    id: RunId,
    event: EventKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    workflow: String,
    workflow_hash: String,
    lane: Lane,
    phase: RunPhase,
    step: u8,
    clock_from: Timestamp,
    opened_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
    not_after: Timestamp,
    /// The event's fields, from which every step's text is composed.
    data: Map<String, Value>,
    messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// The latest texts of recipients that were taken, so that a repeated webhook leaves no second line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken_replies: Vec<ProviderMessageId>,
    /// The resolving event whose all-clears are being sent. Kept until the run ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved_as: Option<EventKey>,
    /// The tickets that were opened for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tickets: Vec<Ticket>,
    /// When its subject was resolved, if it had ended otherwise by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved_at: Option<Timestamp>,
}

impl Run {
    /// Opens a run for an event. Without messages yet: [`Run::start_step`] makes them.
    pub fn open(event: &Event, ctx: &mut StepContext<'_>) -> Self {
        let (workflow, now) = (ctx.workflow, ctx.now);
        let definition = &workflow.definition;
        let id = RunId::derive(&event.key.source, &event.key.id, &definition.name, event.subject.as_deref());
        // A clock that runs ahead at the source must not lengthen the event's life.
        let not_after = after_s(event.happened_at(now), definition.not_after_s);
        ctx.note_run(TimelineEvent::Opened { event: event.kind.clone() });
        let mut run = Self {
            id,
            event: event.key.clone(),
            subject: event.subject.clone(),
            workflow: definition.name.clone(),
            workflow_hash: workflow.hash.to_string(),
            lane: definition.lane,
            phase: RunPhase::Active,
            step: 0,
            clock_from: now,
            opened_at: now,
            closed_at: None,
            not_after,
            data: event.data.clone(),
            messages: Vec::new(),
            ticket: None,
            traceparent: event.traceparent.clone(),
            taken_replies: Vec::new(),
            resolved_as: None,
            tickets: Vec::new(),
            resolved_at: None,
        };
        if now >= not_after {
            run.close(RunPhase::Expired, "the event is older than its workflow's not_after", ctx);
        }
        run
    }

    /// Its name, derived from the event and the workflow.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The event that opened it.
    pub fn event(&self) -> &EventKey {
        &self.event
    }

    /// What the event is about.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// What a person is told that it is about: the event's subject, or its id.
    pub fn about(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.event.id)
    }

    /// The workflow's name.
    pub fn workflow(&self) -> &str {
        &self.workflow
    }

    /// The hash of the definition it was opened with, and keeps.
    pub fn workflow_hash(&self) -> &str {
        &self.workflow_hash
    }

    /// The event's fields; empty once they were removed.
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// Which queue its work waits in.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Where it stands.
    pub fn phase(&self) -> RunPhase {
        self.phase
    }

    /// The step under way, from 0.
    pub fn step(&self) -> u8 {
        self.step
    }

    /// From when the deadlines of that step count: its start, or the end of a deferral.
    pub fn clock_from(&self) -> Timestamp {
        self.clock_from
    }

    /// When it was opened.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// When it ended; absent while a step is under way.
    pub fn closed_at(&self) -> Option<Timestamp> {
        self.closed_at
    }

    /// When the event stops being of use.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Its messages, by number.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The tickets that were opened for it, where the services that keep them have said so.
    pub fn tickets(&self) -> &[Ticket] {
        &self.tickets
    }

    /// The queue in which a ticket is opened.
    pub fn ticket(&self) -> Option<&str> {
        self.ticket.as_deref()
    }

    /// W3C trace context of the event's producer.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// Whether something is still to be done for it, to be expected, or to be reviewed by an operator.
    pub fn is_unfinished(&self) -> bool {
        self.closed_at.is_none() || self.messages.iter().any(Message::is_unfinished)
    }

    /// Lets others go first: the source exceeded its quota.
    pub fn lower_lane(&mut self, lane: Lane, ctx: &mut StepContext<'_>) {
        if lane > self.lane {
            self.lane = lane;
            ctx.note_run(TimelineEvent::LaneLowered { lane });
        }
    }

    /// The message with this number.
    pub fn message(&self, number: u16) -> Option<&Message> {
        self.messages.get(usize::from(number).checked_sub(1)?)
    }

    /// The id of the message with this number.
    pub fn message_id(&self, number: u16) -> MessageId {
        MessageId { run: self.id.clone(), number }
    }

    /// Applies what happened to one message, then whatever follows for the run.
    pub fn apply_to_message(&mut self, number: u16, event: &MessageEvent<'_>, ctx: &mut StepContext<'_>) {
        let Some(index) = self.index_of(number) else { return };
        self.apply_at(index, event, ctx);
        self.advance(ctx);
    }

    /// An operator says what became of a held text. Returns whether that changed anything.
    pub fn resolve_review(
        &mut self,
        number: u16,
        verdict: &ReviewVerdict,
        by: &str,
        ctx: &mut StepContext<'_>,
    ) -> bool {
        let needs_review = self.message(number).is_some_and(Message::needs_review);
        self.apply_to_message(number, &MessageEvent::Reviewed { by, verdict }, ctx);
        needs_review
    }

    fn index_of(&self, number: u16) -> Option<usize> {
        usize::from(number).checked_sub(1).filter(|index| *index < self.messages.len())
    }

    fn apply_at(&mut self, index: usize, event: &MessageEvent<'_>, ctx: &mut StepContext<'_>) {
        let mut message = self.messages[index].clone();
        let spent = message.spent_originators().into_iter().chain(message.from()).collect::<Vec<_>>();
        let may_try_another = ctx.originators.offers_another(&message.recipient().number, &spent);
        let around =
            MessageContext { may_try_another, ..self.context(ctx.workflow, message.step(), ctx.now) };
        let before = message.failure();
        message.apply(event, &around, &mut ctx.effects);
        let failure = message.failure().filter(|failure| before != Some(*failure));
        self.messages[index] = message;
        if let Some(failure) = failure {
            self.want_ticket_for(index, failure, ctx);
        }
    }

    fn context<'a>(&'a self, workflow: &'a Workflow, step: u8, now: Timestamp) -> MessageContext<'a> {
        MessageContext {
            run: &self.id,
            workflow: &self.workflow,
            source: &self.event.source,
            traceparent: self.traceparent.as_deref(),
            retry: &workflow.definition.retry,
            is_critical: workflow.definition.lane == Lane::Critical,
            on_doubt: workflow.definition.on_doubt,
            doubt: &workflow.definition.doubt_ask_after,
            poll: &workflow.definition.poll_after,
            deliver_within_s: workflow.step(step).and_then(Step::deliver_within_s),
            is_escalated: workflow.leads_on_from(step),
            may_try_another: false,
            is_wanted: self.phase == RunPhase::Active && step == self.step,
            last_try_at: self.last_try_at(workflow, step),
            not_after: self.not_after,
            now,
        }
    }
}
