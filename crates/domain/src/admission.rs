//! Which limits a text passes on its way to the request, in which order, and what follows when one of them says "later".
//!
//! In: a message that policy lets go, the limits that are configured, what each of them answered. Out: an [`Admission`],
//! which the run records on the message.
//! Never: refuses a text: a limit delays it, and only its event's age ends it.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    id::digest,
    limits::RATE_HORIZON_S,
    message::Message,
    policy::{Deferral, Rule},
    rate_limit::{RateLimit, RateRequest, Reservation},
    workflow::WorkflowDefinition,
};

/// The rate of one sending number or service, which all senders share.
#[derive(Debug, Clone)]
pub struct SenderRate {
    /// Names the number or service in the rate limiter.
    pub queue: String,
    /// Segments a second.
    pub limit: RateLimit,
}

impl SenderRate {
    /// So many segments a second, of which a second's worth may go at once.
    pub fn per_second(queue: String, segments: u32) -> Self {
        Self { queue, limit: RateLimit::new(segments, Duration::from_secs(1), segments, RATE_HORIZON_S) }
    }
}

/// One limit that a text must pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// Texts of one workflow to one phone within an hour. A message is charged once, however often it is deferred.
    Recipient(RateRequest),
    /// The share of requests that may be retries.
    RetryBudget,
    /// Segments a second of the sending number or service.
    Sender(RateRequest),
}

/// The limits that a message has yet to pass at `now`, in order: what only this text pays comes before what it takes
/// from others.
pub fn limits_of(
    message: &Message,
    workflow: &WorkflowDefinition,
    sender: Option<&SenderRate>,
    now: Timestamp,
) -> Vec<Limit> {
    let is_first = message.attempt() == 0;
    let recipient = workflow.recipient_hourly_max.filter(|_| is_first && !message.recipient_charged());
    let recipient = recipient.map(|most| {
        let queue = phone_key(workflow, message);
        Limit::Recipient(RateRequest { queue, limit: RateLimit::hourly(most), cost: 1 })
    });
    // A text that is sent again because the provider does not have it is no retry: it waits in `queued`.
    let retry = (!is_first && message.is_retry()).then_some(Limit::RetryBudget);
    let sender = sender.filter(|_| !message.has_slot(now)).map(|SenderRate { queue, limit }| {
        let cost = u32::from(message.segments().max(1));
        Limit::Sender(RateRequest { queue: queue.clone(), limit: *limit, cost })
    });
    [recipient, retry, sender].into_iter().flatten().collect()
}

/// Names the phone of a message within its workflow, without its number.
fn phone_key(workflow: &WorkflowDefinition, message: &Message) -> String {
    let name = digest(&["phone", &workflow.name, message.recipient().number.as_str()]);
    name[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the limits said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// The recipient's hourly quota was charged for this message.
    pub recipient_charged: bool,
    /// Why it must wait, if one of the limits said so. The limits after that one are not asked.
    pub deferral: Option<Deferral>,
}

impl Admission {
    /// The recipient's quota answered.
    pub fn recipient(&mut self, answer: Reservation) {
        match answer {
            Reservation::At(_) => self.recipient_charged = true,
            Reservation::Full(again) => self.defer(again, Rule::RecipientRate, false),
        }
    }

    /// The retry budget answered: with an error, the time at which to ask again.
    pub fn retry(&mut self, answer: Result<(), Timestamp>) {
        if let Err(again) = answer {
            self.defer(again, Rule::RetryBudget, false);
        }
    }

    /// The sender's rate answered. A slot in the future is reserved for this message.
    pub fn sender(&mut self, answer: Reservation, now: Timestamp) {
        match answer {
            Reservation::At(slot) if slot <= now => {}
            Reservation::At(slot) => self.defer(slot, Rule::SenderRate, true),
            Reservation::Full(again) => self.defer(again, Rule::SenderRate, false),
        }
    }

    fn defer(&mut self, until: Timestamp, rule: Rule, is_slot: bool) {
        self.deferral = Some(Deferral { until, rule, is_slot });
    }
}
