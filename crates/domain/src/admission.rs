//! Which limits a text passes on its way to the request, in which order, and what follows when one of them says "later".
//!
//! In: a message that policy lets go, the limits that are configured, what each of them answered. Out: an [`Admission`],
//! which the run records on the message. Before that: whether its event is within the quota of its source, and whether
//! it is sent as its run opens.
//! Never: refuses a text: a limit delays it, and only its event's age ends it.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    id::digest,
    lane_placement::LanePlacement,
    limits::{INLINE_DISPATCH_MAX, RATE_HORIZON_S},
    message::Message,
    policy::{Deferral, Rule},
    rate_limit::{RateLimit, RateRequest, Reservation},
    source_quota::{Quota, SourceQuotas},
    workflow::{Lane, WorkflowDefinition},
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

/// Whether one more event is within the quota of its source. Lowering a lane costs one wake-up more, so where no rate
/// limits the sender, a source that is alone may use everything; where one does, that wake-up delays nothing.
pub fn quota_of(
    quotas: &mut SourceQuotas,
    source: &str,
    sender: Option<&SenderRate>,
    now: Timestamp,
) -> Quota {
    match sender {
        Some(_) => quotas.take(source, 1, now),
        None => quotas.take_unless_alone(source, now),
    }
}

/// Whether texts of this lane wait for the slots of a sender one after another, rather than reserve them far ahead.
pub fn takes_turns(lane: Lane, sender: Option<&SenderRate>) -> bool {
    lane == Lane::Bulk && sender.is_some()
}

/// Whether a step's `ready` texts are sent in the delivery that opens their run. Otherwise `send` commands bring them:
/// other work of the lane goes first, or they are too many for one delivery.
pub fn is_sent_at_once(placement: LanePlacement, sender: Option<&SenderRate>, ready: usize) -> bool {
    !placement.gives_way && !takes_turns(placement.lane, sender) && ready <= INLINE_DISPATCH_MAX
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_quota::QuotaRates;

    fn rate() -> SenderRate {
        SenderRate::per_second("number".to_owned(), 10)
    }

    #[test]
    fn a_lone_source_is_exempt_from_its_quota_only_where_no_rate_limits_the_sender() {
        let now = Timestamp::UNIX_EPOCH;
        let rates = QuotaRates { default_per_s: 1, ..QuotaRates::default() };
        for (sender, last) in [(None, Quota::Within), (Some(rate()), Quota::Exceeded)] {
            let mut quotas = SourceQuotas::new(rates.clone());
            let taken: Vec<Quota> =
                (0..50).map(|_| quota_of(&mut quotas, "a", sender.as_ref(), now)).collect();
            assert_eq!((taken[0], taken[49]), (Quota::Within, last));
        }
    }

    #[test]
    fn texts_are_sent_at_once_unless_others_go_first_or_they_are_many() {
        let placed = |lane| LanePlacement { lane, gives_way: false };
        let lowered = LanePlacement { lane: Lane::Bulk, gives_way: true };
        let rate = rate();
        for (placement, sender, ready, expected) in [
            (placed(Lane::Bulk), None, INLINE_DISPATCH_MAX, true),
            (placed(Lane::Standard), Some(&rate), INLINE_DISPATCH_MAX, true),
            (placed(Lane::Bulk), Some(&rate), 1, false),
            (placed(Lane::Critical), None, INLINE_DISPATCH_MAX + 1, false),
            (lowered, None, 1, false),
        ] {
            assert_eq!(is_sent_at_once(placement, sender, ready), expected, "{placement:?}, {ready}");
        }
    }
}
