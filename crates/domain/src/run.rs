//! One event through one workflow: its steps, its end.
//!
//! In: a run, its workflow, what happened, and the time. Out: the changed run, and effects.
//! Never: leaves a run without a next due time unless it is closed and its messages are final.

mod acknowledge;
mod agents;
mod audience;
mod context;
mod deadline;
mod end;
mod gathering;
mod index;
mod more_numbers;
mod plan;
mod planned;
mod replay;
mod reply;
mod silenced;
mod step;
mod ticket;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::resolved_by::ResolvedBy;
pub use crate::run_phase::RunPhase;
pub use audience::Recipients;
pub use context::StepContext;
pub use end::Erasable;
pub use gathering::{DigestState, Gatherable, GroupAsk, GroupQuestion, Member};
pub use index::RunIndex;
pub use planned::{AckHold, Planned};
pub use replay::Replay;
pub use step::{Addressee, Audience, Dispatch, DispatchInput};

use crate::{
    agent::{AgentHold, Observed, TakenReply},
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
    /// What agents noted of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    observed: Vec<Observed>,
    /// The step that an agent holds, or held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_hold: Option<AgentHold>,
    /// The first texts of recipients, for agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replies: Vec<TakenReply>,
    /// When its subject was resolved, if it had ended otherwise by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved_at: Option<Timestamp>,
    /// What resolved its subject; absent where nothing did, and in runs of versions that did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved_by: Option<ResolvedBy>,
    /// Which start of a step is under way; absent where that is the step's own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<u16>,
    /// How often all steps have been gone through.
    #[serde(default, skip_serializing_if = "is_zero")]
    round: u8,
    /// The step that begins next, while none is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Planned>,
    /// Until when its acknowledgement holds; absent where it holds for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ack_hold: Option<AckHold>,
    /// How many acknowledgements have expired.
    #[serde(default, skip_serializing_if = "is_zero")]
    expired_acks: u8,
}

fn is_zero(count: &u8) -> bool {
    *count == 0
}

impl Run {
    /// Opens a run for an event. Without messages yet: [`Run::planned_step`] says which step begins, and
    /// [`Run::start_step`] makes them.
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
            observed: Vec::new(),
            agent_hold: None,
            replies: Vec::new(),
            resolved_at: None,
            resolved_by: None,
            start: None,
            round: 0,
            next: None,
            ack_hold: None,
            expired_acks: 0,
        };
        run.plan_first(ctx);
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

    /// Which start of a step is under way, from 0.
    pub fn start(&self) -> u16 {
        self.start.unwrap_or(u16::from(self.step))
    }

    /// How often all steps have been gone through: the round of its steps, from 0.
    pub fn round(&self) -> u8 {
        self.round
    }

    /// The step that begins next, and when, while none is under way.
    pub fn next(&self) -> Option<&Planned> {
        self.next.as_ref()
    }

    /// Until when its acknowledgement holds; absent where it has none, or it holds for good.
    pub fn ack_hold(&self) -> Option<&AckHold> {
        self.ack_hold.as_ref()
    }

    /// How many acknowledgements of it have expired.
    pub fn expired_acks(&self) -> u8 {
        self.expired_acks
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
        self.closed_at.is_none()
            || self.ack_hold.is_some()
            || self.messages.iter().any(Message::is_unfinished)
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
        let may_try_another = ctx.workflow.definition.only_from.is_none()
            && ctx.originators.offers_another(&message.recipient().number, &spent);
        let around = MessageContext { may_try_another, ..self.context(ctx.workflow, &message, ctx.now) };
        let before = message.failure();
        message.apply(event, &around, &mut ctx.effects);
        let failure = message.failure().filter(|failure| before != Some(*failure));
        let (was, is) = (self.messages[index].digest_mark(), message.digest_mark());
        self.messages[index] = message;
        if was != is {
            self.wake_members(index, ctx);
        }
        if let Some(failure) = failure.filter(|failure| !self.is_left_to_next_number(index, *failure)) {
            self.want_ticket_for(index, failure, ctx);
        }
    }

    fn context<'a>(
        &'a self,
        workflow: &'a Workflow,
        message: &Message,
        now: Timestamp,
    ) -> MessageContext<'a> {
        let step = message.step();
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
            is_escalated: workflow.leads_on_from(step, self.round)
                || !message.recipient().more_numbers.is_empty(),
            may_try_another: false,
            is_wanted: self.is_wanted(message, workflow),
            last_try_at: self.last_try_at(workflow, message),
            not_after: self.not_after,
            now,
        }
    }
}
