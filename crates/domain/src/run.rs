//! One event through one workflow: its steps, its end.
//!
//! In: a run, its workflow, what happened, and the time. Out: the changed run, and effects.
//! Never: leaves a run without a next due time unless it is closed and its messages are settled.

mod audience;
mod context;
mod deadline;
mod index;
mod replay;
mod reply;
mod step;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::run_phase::RunPhase;
pub use audience::Recipients;
pub use context::StepContext;
pub use index::RunIndex;
pub use replay::Replay;
pub use step::{Addressee, Audience, Dispatch, DispatchInput};

use crate::{
    event::{Event, EventKey},
    id::{MessageId, RunId},
    message::{Message, MessageContext, MessageEvent, ReviewVerdict},
    provider::ProviderMessageId,
    time::after_s,
    timeline::{Outcome, TimelineEvent},
    workflow::{Lane, Step, Workflow},
};

/// One event through one workflow, with all its messages: the unit that is changed by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its name, derived from the event and the workflow.
    pub id: RunId,
    /// The event that opened it.
    pub event: EventKey,
    /// What the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The workflow's name.
    pub workflow: String,
    /// The hash of the definition it was opened with, and keeps.
    pub workflow_hash: String,
    /// Which queue its work waits in.
    pub lane: Lane,
    /// Where it stands.
    pub phase: RunPhase,
    /// The step under way, from 0.
    pub step: u8,
    /// When the deadlines of that step count from: its start, or the end of a deferral.
    pub clock_from: Timestamp,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// When the event stops being of use.
    pub not_after: Timestamp,
    /// The event's fields, which every step's text is composed from.
    pub data: Map<String, Value>,
    /// Its messages, by number.
    pub messages: Vec<Message>,
    /// The queue in which a ticket was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// W3C trace context of the event's producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The latest texts of recipients that were taken, so that a repeated webhook leaves no second line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_replies: Vec<ProviderMessageId>,
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
        };
        if now >= not_after {
            run.close(RunPhase::Expired, "the event is older than its workflow's not_after", ctx);
        }
        run
    }

    /// Whether something is still to be done for it, to be expected, or to be settled by an operator.
    pub fn is_unfinished(&self) -> bool {
        self.closed_at.is_none() || self.messages.iter().any(Message::is_unfinished)
    }

    /// Lets others go first: the source brought more than its share.
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

    /// Somebody took it on. Changes nothing in a run that is over, but leaves a line.
    pub fn acknowledge(&mut self, by: &str, via: &str, message: Option<u16>, ctx: &mut StepContext<'_>) {
        let by = by.to_owned();
        let what = if self.phase == RunPhase::Active {
            TimelineEvent::Acknowledged { by, via: via.to_owned() }
        } else {
            TimelineEvent::AcknowledgedLate { by }
        };
        ctx.effects.timeline.push(crate::timeline::Entry { at: ctx.now, message, what });
        if self.phase == RunPhase::Active {
            self.cancel_waiting(ctx);
            self.close(RunPhase::Acknowledged, "", ctx);
        }
    }

    /// The resolving event came. Returns whether that changed anything: one of another source ends the run only where
    /// the workflow says that the two share their subjects.
    pub fn resolve(&mut self, by: &EventKey, ctx: &mut StepContext<'_>) -> bool {
        let is_open = matches!(self.phase, RunPhase::Active | RunPhase::Acknowledged);
        if !is_open || !ctx.workflow.definition.resolves_across(&self.event.source, &by.source) {
            return false;
        }
        self.cancel_waiting(ctx);
        self.close(RunPhase::Resolved, &format!("resolved by event {} of {}", by.id, by.source), ctx);
        true
    }

    /// An operator ends it. Returns whether that changed anything.
    pub fn cancel(&mut self, by: &str, ctx: &mut StepContext<'_>) -> bool {
        if self.phase != RunPhase::Active {
            return false;
        }
        self.cancel_waiting(ctx);
        self.close(RunPhase::Cancelled, &format!("cancelled by {by}"), ctx);
        true
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

    fn close(&mut self, phase: RunPhase, reason: &str, ctx: &mut StepContext<'_>) {
        self.phase = phase;
        self.closed_at = Some(ctx.now);
        ctx.note_run(TimelineEvent::Closed { phase, reason: reason.to_owned() });
        ctx.effects.outcomes.push(Outcome {
            run: self.id.clone(),
            phase,
            at: ctx.now,
            ticket: self.ticket.clone(),
        });
    }

    fn index_of(&self, number: u16) -> Option<usize> {
        usize::from(number).checked_sub(1).filter(|index| *index < self.messages.len())
    }

    fn apply_at(&mut self, index: usize, event: &MessageEvent<'_>, ctx: &mut StepContext<'_>) {
        let mut message = self.messages[index].clone();
        let around = self.context(ctx.workflow, message.step, ctx.now);
        message.apply(event, &around, &mut ctx.effects);
        self.messages[index] = message;
    }

    fn context<'a>(&'a self, workflow: &'a Workflow, step: u8, now: Timestamp) -> MessageContext<'a> {
        MessageContext {
            run: &self.id,
            workflow: &self.workflow,
            source: &self.event.source,
            traceparent: self.traceparent.as_deref(),
            retry: &workflow.definition.retry,
            on_doubt: workflow.definition.on_doubt,
            doubt: &workflow.definition.doubt_ask_after,
            poll: &workflow.definition.poll_after,
            deliver_within_s: workflow.step(step).and_then(Step::deliver_within_s),
            is_escalated: workflow.leads_on_from(step),
            is_wanted: self.phase == RunPhase::Active && step == self.step,
            not_after: self.not_after,
            now,
        }
    }
}
