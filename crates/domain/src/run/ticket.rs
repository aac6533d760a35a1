//! The tickets of a run. In: what the service that keeps tickets said, and texts that failed. Out: the run that knows
//! its ticket, or asks for one.
//!
//! Never: asks for a ticket because of a step; `deadline` and `step` do.

use super::{Run, StepContext};
use crate::{
    effect::Ticket,
    timeline::{Entry, Failure, TimelineEvent},
};

impl Run {
    /// The ticket that a destination opened for it.
    pub fn ticket_at(&self, destination: &str) -> Option<&Ticket> {
        self.tickets.iter().find(|ticket| ticket.destination == destination)
    }

    /// Asks for the ticket that the workflow wants after a failure of a message: once, however many of its texts fail.
    pub(super) fn want_ticket_for(&mut self, index: usize, failure: Failure, ctx: &mut StepContext<'_>) {
        let definition = &ctx.workflow.definition;
        let queue = match failure {
            Failure::Undeliverable => &definition.undeliverable_ticket,
            Failure::NeedsReview => &definition.needs_review_ticket,
        };
        let Some(queue) = queue.as_deref() else { return };
        if self.ticket.as_deref() == Some(queue) || self.ticket_at(queue).is_some() {
            return;
        }
        self.ticket = Some(queue.to_owned());
        let what = TimelineEvent::TicketWanted { queue: queue.to_owned(), because: Some(failure) };
        let message = Some(self.messages[index].number());
        ctx.effects.timeline.push(Entry { at: ctx.now, message, what });
    }

    /// A ticket was opened. A second one of the same destination changes nothing.
    pub fn take_ticket(&mut self, ticket: &Ticket, ctx: &mut StepContext<'_>) {
        if self.ticket_at(&ticket.destination).is_some() {
            return;
        }
        self.tickets.push(ticket.clone());
        ctx.note_run(TimelineEvent::TicketOpened {
            queue: ticket.destination.clone(),
            key: Some(ticket.key.clone()),
            url: ticket.url.clone(),
        });
    }

    /// No ticket was opened, and it is not tried again by itself.
    pub fn miss_ticket(&mut self, destination: &str, reason: &str, ctx: &mut StepContext<'_>) {
        if self.ticket_at(destination).is_none() {
            let (queue, reason) = (destination.to_owned(), reason.to_owned());
            ctx.note_run(TimelineEvent::TicketFailed { queue, reason });
        }
    }
}
