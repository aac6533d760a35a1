//! The tickets of a run. In: what the service that keeps tickets said. Out: the run that knows its ticket.
//!
//! Never: asks for a ticket; `deadline` and `step` do.

use super::{Run, StepContext};
use crate::{effect::Ticket, timeline::TimelineEvent};

impl Run {
    /// The ticket that a destination opened for it.
    pub fn ticket_at(&self, destination: &str) -> Option<&Ticket> {
        self.tickets.iter().find(|ticket| ticket.destination == destination)
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
