//! Further numbers of a recipient: a text that was not delivered to one goes to the next, before the step is over.
//!
//! In: a run, its workflow and the time. Out: another message to the same person, with the same text and code.
//! Never: texts another number of somebody who has acknowledged, or opted out after being texted.

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    message::{Message, MessageEvent, MessagePhase},
    notice::{CANARY, TEST_PAGE},
    policy::Rule,
    time::after_s,
    timeline::{Failure, TimelineEvent},
    workflow::{Step, Workflow},
};

impl Message {
    /// Whether it did not reach its number, and may reach the next.
    fn missed(&self) -> bool {
        match self.phase() {
            // Without a text none of the numbers gets one.
            MessagePhase::Dead { .. } => self.text().is_some(),
            MessagePhase::Submitted { status, .. } => status.is_failure(),
            // What these say, they say of the number.
            MessagePhase::Suppressed { rule } => {
                matches!(rule, Rule::OptedOut | Rule::NotGranted | Rule::EnvironmentAllowList)
            }
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. }
            | MessagePhase::Told { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => false,
        }
    }
}

impl Run {
    /// When the text of a message goes to the next number of its recipient; `None` where it does not.
    pub(super) fn next_number_at(&self, message: &Message, workflow: &Workflow) -> Option<Timestamp> {
        let made_at = message.was_made_at().filter(|_| !message.recipient().more_numbers.is_empty())?;
        // A test page and a canary are about one number.
        if [TEST_PAGE, CANARY].contains(&&*self.workflow)
            || !self.is_wanted(message, workflow)
            || !self.has_room()
            || self.has_acknowledged(message)
        {
            return None;
        }
        if message.missed() {
            return Some(made_at);
        }
        let within_s = workflow.step(message.step()).and_then(Step::deliver_within_s)?;
        let from = if self.is_current(message) {
            made_at.max(self.clock_from)
        } else {
            made_at.max(message.first_attempt_at().unwrap_or(made_at))
        };
        let at = after_s(from, within_s);
        let waits = message.next_phase_at().is_some_and(|next| next > at);
        (message.may_be_answered() && !message.is_delivered() && !waits).then_some(at)
    }

    /// Whether a failure leaves the text to the next number of its recipient, so that nobody has to look after it yet.
    pub(super) fn is_left_to_next_number(&self, index: usize, failure: Failure) -> bool {
        let message = &self.messages[index];
        failure == Failure::Undeliverable
            && message.was_made_at().is_some()
            && !message.recipient().more_numbers.is_empty()
            && message.text().is_some()
            && self.phase == RunPhase::Active
    }

    /// Texts the next number of everybody whose text was not delivered to the number before.
    pub(super) fn try_next_numbers(&mut self, ctx: &mut StepContext<'_>) {
        let mut index = 0;
        while let Some(message) = self.messages.get(index) {
            if self.next_number_at(message, ctx.workflow).is_none_or(|at| at > ctx.now) {
                index += 1;
                continue;
            }
            let number = self.messages.len() as u16 + 1;
            let Some(next) = self.messages[index].pass_to_next_number(number, ctx.now) else { break };
            let phone = &next.recipient().number;
            let is_known =
                |known: &Message| known.start() == next.start() && known.recipient().number == *phone;
            if self.messages.iter().any(is_known) {
                self.messages[index].take_more_numbers(&next);
                continue;
            }
            let follows = self.messages[index].number();
            ctx.note(number, TimelineEvent::NextNumber { follows });
            self.messages.push(next);
            self.apply_at(self.messages.len() - 1, &MessageEvent::Tick, ctx);
        }
    }

    /// The messages of a start of a step to the same person as this one.
    pub(super) fn to_same_person<'a>(&'a self, message: &Message) -> impl Iterator<Item = &'a Message> {
        let first = self.first_to(message);
        let start = message.start();
        self.messages.iter().filter(move |other| other.start() == start && self.first_to(other) == first)
    }

    /// The number of the first message to the same person.
    fn first_to(&self, message: &Message) -> u16 {
        let mut first = message;
        while let Some(before) = first.follows().and_then(|number| self.message(number)) {
            first = before;
        }
        first.number()
    }

    /// Whether the recipient of a message has acknowledged, while its step waits for others.
    pub(super) fn has_acknowledged(&self, message: &Message) -> bool {
        self.to_same_person(message).any(Message::is_acknowledged)
    }
}
