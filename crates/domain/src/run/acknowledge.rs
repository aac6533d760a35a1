//! Acknowledgements: somebody takes a run on, or one of several people whom its step waits for does.
//!
//! In: who acknowledges which message, and how. Out: an acknowledged run, or one that waits for fewer people.
//! Never: has a run page those who have acknowledged it, until that expires.

use super::{Run, RunPhase, StepContext};
use crate::{
    message::{Message, MessagePhase},
    timeline::{Entry, TimelineEvent},
    workflow::{AcknowledgedBy, Workflow},
};

impl Run {
    /// Somebody takes it on. Where the step of the message waits for everybody, the run is acknowledged by the last of
    /// them; who names no message, such as an operator, acknowledges for all. An acknowledgement that expires is renewed.
    /// A run that is over keeps its phase; the timeline gets a line all the same.
    pub fn acknowledge(&mut self, by: &str, via: &str, message: Option<u16>, ctx: &mut StepContext<'_>) {
        if let Some(number) = message {
            self.note_digest_reply(number, by, via, false, ctx);
        }
        let (by, via) = (by.to_owned(), via.to_owned());
        let awaited = message.map(|number| self.take_part(number, ctx.workflow)).unwrap_or_default();
        let takes = self.phase == RunPhase::Active || self.ack_hold.is_some();
        let what = match takes {
            false => TimelineEvent::AcknowledgedLate { by },
            true if awaited.is_empty() => TimelineEvent::Acknowledged { by, via },
            true => TimelineEvent::AcknowledgedPartly { by, via, awaited: awaited.clone() },
        };
        ctx.effects.timeline.push(Entry { at: ctx.now, message, what });
        if !takes || !awaited.is_empty() {
            return;
        }
        if self.phase == RunPhase::Active {
            self.cancel_waiting(ctx);
            self.close(RunPhase::Acknowledged, "", ctx);
        }
        let step = message.and_then(|number| self.message(number)).map_or(self.step, Message::step);
        self.hold(step, ctx);
    }

    /// The recipient of the message with this number pressed the button behind its link. Pressed twice it is one
    /// acknowledgement; what is over gets a line, as for a reply.
    pub fn acknowledge_by_link(&mut self, by: &str, number: u16, ctx: &mut StepContext<'_>) {
        let has_before = self.phase == RunPhase::Active && self.is_acknowledged_by(number);
        // A digest is of other runs as well, which may wait though this one does not.
        let is_new_to_others = self.awaits_digest_reply(number);
        if is_new_to_others || (self.phase != RunPhase::Acknowledged && !has_before) {
            self.acknowledge(by, "link", Some(number), ctx);
        }
    }

    /// Whether the message with this number tells of other runs, and nobody has answered for them yet.
    pub fn awaits_digest_reply(&self, number: u16) -> bool {
        self.message(number).and_then(Message::digest).is_some_and(|digest| digest.replies.is_empty())
    }

    /// Whom the step of this message still waits for, once its recipient has acknowledged. Empty where anybody will do.
    fn take_part(&mut self, number: u16, workflow: &Workflow) -> Vec<String> {
        let Some(message) = self.message(number).filter(|_| self.phase == RunPhase::Active) else {
            return Vec::new();
        };
        let (step, start) = (workflow.step(message.step()), message.start());
        if step.is_none_or(|step| step.acknowledged_by == AcknowledgedBy::Any) {
            return Vec::new();
        }
        if let Some(index) = self.index_of(number) {
            self.messages[index].take_acknowledgement();
        }
        self.awaited(start).into_iter().map(|message| message.recipient().shown_name()).collect()
    }

    /// The people whom the step under way still waits for, where it waits for everybody, by name.
    pub fn still_awaited(&self, workflow: &Workflow) -> Vec<String> {
        let step = workflow.step(self.step).filter(|_| self.phase == RunPhase::Active && self.next.is_none());
        if step.is_none_or(|step| step.acknowledged_by == AcknowledgedBy::Any) {
            return Vec::new();
        }
        self.awaited(self.start()).into_iter().map(|message| message.recipient().shown_name()).collect()
    }

    /// Whether the recipient of this message has acknowledged, while its step waits for others.
    pub fn is_acknowledged_by(&self, number: u16) -> bool {
        self.message(number).is_some_and(|message| self.has_acknowledged(message))
    }

    /// The people whom the step of this message waits for beside those who have acknowledged, by name.
    pub fn awaited_beside(&self, number: u16) -> Vec<String> {
        let start = self.message(number).map(Message::start);
        let awaited = start.map(|start| self.awaited(start)).unwrap_or_default();
        awaited.into_iter().map(|message| message.recipient().shown_name()).collect()
    }

    /// The first message to each person whom a start of a step texted and who has not acknowledged. Those whom a rule
    /// forbids to text are not waited for.
    pub(super) fn awaited(&self, start: u16) -> Vec<&Message> {
        let first =
            self.messages.iter().filter(|message| message.start() == start && message.follows().is_none());
        let is_suppressed = |message: &Message| matches!(message.phase(), MessagePhase::Suppressed { .. });
        first
            .filter(|message| !self.to_same_person(message).all(is_suppressed))
            .filter(|message| !self.has_acknowledged(message))
            .collect()
    }

    /// Whether everybody whom the step under way waits for may still answer.
    pub(super) fn all_may_answer(&self) -> bool {
        let awaited = self.awaited(self.start());
        !awaited.is_empty()
            && awaited.into_iter().all(|message| self.to_same_person(message).any(Message::may_be_answered))
    }
}
