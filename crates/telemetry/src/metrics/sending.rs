//! What goes out, and what holds it back. In: requests to the provider and to destinations, the state of a sender, timers.
//! Out: counters, gauges and histograms.
//!
//! Never: a phone number or the address of a destination; it is known by its name.

use domain::{effect::EffectAnswer, provider::SubmitOutcome};
use jiff::SignedDuration;
use prometheus_client::metrics::counter::Counter;

use super::{
    durations::{Durations, REQUEST_S, WAY_S},
    families::{Counters, Families, Gauges},
    names::labels,
};
use crate::self_report;

/// Gauges and counters of senders, and of what else makes requests.
pub struct SendingMetrics {
    /// Retries that had to wait because the budget was used up.
    pub retries_held_back: Counter,
    stopped: Gauges<0>,
    account_stopped: Gauges<0>,
    in_flight_max: Gauges<0>,
    retry_budget_left: Gauges<0>,
    provider: Durations<2>,
    effects: Counters<3>,
    timer_lateness: Durations<0>,
}

impl SendingMetrics {
    pub(super) fn register(families: &mut Families) -> Self {
        Self {
            stopped: families.gauge("sending_stopped", "1 while the circuit breaker is open"),
            account_stopped: families
                .gauge("account_stopped", "1 while the provider refuses everything of the account"),
            in_flight_max: families
                .gauge("in_flight_max", "Requests to the provider that this sender may have open at once"),
            retries_held_back: families
                .counter("retries_held_back", "Retries that waited for the retry budget"),
            retry_budget_left: families
                .gauge("retry_budget_left", "Retries that fit in the budget of the last minute"),
            provider: families.durations(
                "provider_request_duration_seconds",
                "Requests to the provider, from their start to the answer",
                REQUEST_S,
            ),
            effects: families
                .counter("effects", "Requests to destinations, by what was asked for and what came of it"),
            timer_lateness: families.durations(
                "timer_lateness_seconds",
                "How long after their time timers fired",
                WAY_S,
            ),
        }
    }

    /// Says whether the circuit breaker keeps this sender from pulling work, and whether the provider refuses the whole
    /// account.
    pub fn stopped(&self, is_stopped: bool, is_account_stopped: bool) {
        self.stopped.get_or_create(&[]).set(is_stopped.into());
        self.account_stopped.get_or_create(&[]).set(is_account_stopped.into());
    }

    /// Says how many requests this sender may have open: its share of the account's.
    pub fn in_flight_max(&self, in_flight_max: u16) {
        self.in_flight_max.get_or_create(&[]).set(in_flight_max.into());
    }

    /// Says how many retries fit in the budget at the moment.
    pub fn retry_budget_left(&self, retries: u64) {
        self.retry_budget_left.get_or_create(&[]).set(i64::try_from(retries).unwrap_or(i64::MAX));
    }

    /// Notes a request that sends a text.
    pub fn submitted(&self, outcome: &SubmitOutcome, took: SignedDuration) {
        let result = match outcome {
            SubmitOutcome::Sent { .. } => "sent",
            SubmitOutcome::NotSent(_) => "refused",
            SubmitOutcome::InDoubt { .. } => "in_doubt",
        };
        self_report::note_submitted();
        self.provider.observe(labels([("operation", "submit"), ("result", result)]), took);
    }

    /// Notes a question to the provider: `look_up` or `fetch`.
    pub fn asked(&self, operation: &'static str, is_answered: bool, took: SignedDuration) {
        let result = if is_answered { "answered" } else { "failed" };
        self.provider.observe(labels([("operation", operation), ("result", result)]), took);
    }

    /// Counts what came of a request to a destination, if one was made.
    pub fn effect(&self, destination: &str, act: &'static str, answer: &EffectAnswer) {
        let result = match answer {
            EffectAnswer::Done(_) => "done",
            EffectAnswer::Later { .. } => "later",
            EffectAnswer::Failed { .. } | EffectAnswer::Gone { .. } | EffectAnswer::Denied { .. } => "failed",
            EffectAnswer::Ignored => "ignored",
            EffectAnswer::Needless => return,
            EffectAnswer::Refused { .. } => "refused",
        };
        let labels = labels([("destination", destination), ("act", act), ("result", result)]);
        self.effects.get_or_create(&labels).inc();
    }

    /// Notes a timer that fired so long after its time.
    pub fn timer_fired(&self, late: SignedDuration) {
        self.timer_lateness.observe([], late);
    }
}
